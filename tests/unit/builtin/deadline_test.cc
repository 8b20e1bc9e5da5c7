#include "builtin/deadline.h"

#include "peers.h"

#include <optional>

using namespace inetd;
using namespace inetd::test;
using namespace std::chrono_literals;

TEST_CASE("deadline: of two limits the shorter holds, and none is none") {
    ServiceConfig service;
    own_terms(service).idle_timeout = 3s;
    CHECK(patience_of(service).idle == 3s);
    CHECK(patience_of(service).whole == 0s);
    own_terms(service).session_timeout = 10s;
    CHECK(patience_of(service, 4s).whole == 6s);
    CHECK(patience_of(service, 1h).whole == 1ms);
    const Patience both = shorter({.idle = 2s, .whole = 30s}, patience_of(service));
    CHECK(both.idle == 2s);
    CHECK(both.whole == 10s);
    const Patience one = shorter({.whole = 30s}, {.idle = 5s});
    CHECK(one.idle == 5s);
    CHECK(one.whole == 30s);
}

namespace {
struct Watched {
    void start(const Patience& patience) {
        deadline.emplace();
        deadline->start(loop, patience, [this] {
            ++passed;
            deadline.reset();
        });
    }
    void until_passed() {
        rounds_until(loop, [this] { return passed != 0; });
    }

    EventLoop loop;
    std::optional<Deadline> deadline;
    int passed = 0;
};
} // namespace

TEST_CASE("deadline: it passes once, and may take itself away") {
    Watched watched;
    SUBCASE("without progress") {
        watched.start({.idle = 2ms, .whole = 1h});
    }
    SUBCASE("altogether") {
        watched.start({.idle = 1h, .whole = 2ms});
    }
    watched.until_passed();
    CHECK(watched.passed == 1);
    CHECK_FALSE(watched.deadline);
}

TEST_CASE("deadline: progress puts off the one and not the other") {
    Watched watched;
    watched.start({.idle = 900ms, .whole = 1s});
    const TimePoint begin = Clock::now();
    rounds_until(watched.loop, [&] {
        if (watched.deadline) watched.deadline->touch();
        return watched.passed != 0;
    });
    CHECK(Clock::now() - begin >= 1s);
}

TEST_CASE("deadline: without a limit it never passes") {
    Watched watched;
    watched.start({});
    watched.loop.round(5ms);
    watched.deadline->touch();
    watched.loop.round(5ms);
    CHECK(watched.passed == 0);
}
