#include "policy/gate.h"

#include <doctest/doctest.h>
#include <vector>

using namespace inetd;
using namespace std::chrono_literals;

namespace {
const Gate::TimePoint kStart{1000s};

SocketAddress peer(const char* host) {
    return *SocketAddress::parse_ip(host, 4711);
}

struct Crowd {
    std::shared_ptr<Gate> gate = std::make_shared<Gate>();
    std::vector<Slot> slots;

    bool come(const Limits& limits, const char* host, Gate::TimePoint now = kStart) {
        auto answer = gate->admit(limits, peer(host), now);
        auto* slot = std::get_if<Slot>(&answer);
        if (slot != nullptr) slots.push_back(std::move(*slot));
        return slot != nullptr;
    }
};
} // namespace

TEST_CASE("a bucket gives its size at once and then evenly") {
    TokenBucket bucket;
    for (int i = 0; i < 3; ++i)
        CHECK(bucket.take(3, kStart));
    CHECK_FALSE(bucket.take(3, kStart));
    CHECK(bucket.wait(3, kStart) > 19s);
    CHECK(bucket.wait(3, kStart) < 21s);
    CHECK_FALSE(bucket.take(3, kStart + 19s));
    CHECK(bucket.take(3, kStart + 21s));
    CHECK_FALSE(bucket.take(3, kStart + 22s));
    CHECK_FALSE(bucket.full(3, kStart + 22s));
    CHECK(bucket.full(3, kStart + 90s));
}

TEST_CASE("after exactly the wait that it names there is a token") {
    for (const std::uint32_t size : {1U, 2U, 3U, 7U, 60U, 256U, 1000U, 100000U}) {
        TokenBucket bucket;
        for (std::uint32_t i = 0; i < size; ++i)
            REQUIRE(bucket.take(size, kStart));
        const auto wait = bucket.wait(size, kStart);
        CHECK(wait > 0s);
        CHECK(bucket.take(size, kStart + wait));
    }
}

TEST_CASE("a service is full while its instances run") {
    Crowd crowd;
    const Limits limits{.instances = 2};
    CHECK(crowd.gate->room(limits, kStart));
    CHECK(crowd.come(limits, "192.0.2.1"));
    CHECK(crowd.come(limits, "192.0.2.2"));
    CHECK(crowd.gate->room(limits, kStart).full);
    int released = 0;
    crowd.gate->on_release([&] { ++released; });
    crowd.slots.pop_back();
    CHECK(released == 1);
    CHECK(crowd.gate->room(limits, kStart));
    CHECK(crowd.gate->running() == 1);
}

TEST_CASE("zero is no limit") {
    Crowd crowd;
    const Limits limits{.instances = 0};
    for (int i = 0; i < 1000; ++i)
        REQUIRE(crowd.come(limits, "192.0.2.1"));
    CHECK(crowd.gate->room(limits, kStart));
    CHECK(crowd.gate->sources() == 0);
}

TEST_CASE("the rate of a service makes the next wait, not refuse") {
    Crowd crowd;
    const Limits limits{.starts_per_minute = 2};
    CHECK(crowd.come(limits, "192.0.2.1"));
    CHECK(crowd.come(limits, "192.0.2.1"));
    const auto room = crowd.gate->room(limits, kStart);
    CHECK_FALSE(room.full);
    CHECK(room.rate > 29s);
    CHECK(crowd.gate->room(limits, kStart + room.rate));
    CHECK(crowd.gate->refused() == 0);
}

TEST_CASE("one source is refused while another is served") {
    Crowd crowd;
    const Limits limits{.per_source = 1};
    CHECK(crowd.come(limits, "192.0.2.1"));
    CHECK_FALSE(crowd.come(limits, "192.0.2.1"));
    CHECK_FALSE(crowd.come(limits, "::ffff:192.0.2.1"));
    CHECK(crowd.come(limits, "192.0.2.2"));
    CHECK(crowd.come(limits, "2001:db8::1"));
    CHECK(crowd.gate->refused() == 2);
    crowd.slots.clear();
    CHECK(crowd.gate->sources() == 0);
    CHECK(crowd.come(limits, "192.0.2.1"));
}

TEST_CASE("the rate of one source heals") {
    Crowd crowd;
    const Limits limits{.source_per_minute = 2};
    CHECK(crowd.come(limits, "192.0.2.1"));
    CHECK(crowd.come(limits, "192.0.2.1"));
    CHECK_FALSE(crowd.come(limits, "192.0.2.1"));
    CHECK(crowd.come(limits, "192.0.2.2"));
    CHECK(crowd.come(limits, "192.0.2.1", kStart + 31s));
}

TEST_CASE("sources that are gone are forgotten") {
    Crowd crowd;
    const Limits limits{.instances = 0, .source_per_minute = 5};
    for (int i = 0; i < 5000; ++i) {
        const auto now = kStart + std::chrono::seconds(i * 20);
        const auto host = "10.0." + std::to_string(i / 256) + "." + std::to_string(i % 256);
        REQUIRE(crowd.come(limits, host.c_str(), now));
        crowd.slots.clear();
    }
    CHECK(crowd.gate->sources() <= 128);
}

TEST_CASE("limits that come and go with a reload do not confuse the counts") {
    Crowd crowd;
    CHECK(crowd.come({}, "192.0.2.1"));
    CHECK(crowd.come({.per_source = 1}, "192.0.2.1"));
    CHECK_FALSE(crowd.come({.per_source = 1}, "192.0.2.1"));
    crowd.slots.clear();
    CHECK(crowd.gate->running() == 0);
    CHECK(crowd.come({.per_source = 1}, "192.0.2.1"));
}
