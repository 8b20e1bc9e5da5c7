#include "event/loop.h"

#include <array>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <memory>
#include <optional>
#include <sys/socket.h>

using namespace inetd;
using namespace std::chrono_literals;

namespace {
struct Pair {
    Fd a, b;
    Pair() {
        std::array<int, 2> fds{};
        REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds.data()) ==
                0);
        a.reset(fds[0]);
        b.reset(fds[1]);
    }
    void poke() const { REQUIRE(write(b.get(), "x", 1) == 1); }
};
} // namespace

TEST_CASE("a handler may destroy its own watch while it runs") {
    EventLoop loop;
    Pair pair;
    std::optional<Watch> watch;
    auto witness = std::make_shared<int>(0);
    watch = loop.watch(pair.a.get(), EPOLLIN, [&watch, witness](std::uint32_t) {
        watch.reset();
        ++*witness; // captured state must outlive the registration
    });
    pair.poke();
    loop.round();
    CHECK(*witness == 1);
    CHECK(witness.use_count() == 1);
    loop.round(0ms);
    CHECK(*witness == 1);
}

TEST_CASE("an event of a descriptor closed in the same round is dropped") {
    EventLoop loop;
    Pair first;
    Pair second;
    const Pair third;
    int fresh_calls = 0;
    int calls = 0;
    std::array<Watch, 2> watches;
    Watch fresh;
    // Whichever is handled first removes the other and registers a fresh one of its number.
    const auto handler = [&](std::size_t other, const Pair& mine, const Pair& theirs) {
        return [&, other](std::uint32_t) {
            ++calls;
            char byte = 0;
            CHECK(read(mine.a.get(), &byte, 1) == 1);
            watches.at(other).reset();
            CHECK(dup2(third.a.get(), theirs.a.get()) >= 0);
            fresh = loop.watch(theirs.a.get(), EPOLLIN, [&](std::uint32_t) { ++fresh_calls; });
        };
    };
    watches[0] = loop.watch(first.a.get(), EPOLLIN, handler(1, first, second));
    watches[1] = loop.watch(second.a.get(), EPOLLIN, handler(0, second, first));
    first.poke();
    second.poke();
    loop.round();
    CHECK(calls == 1);
    CHECK(fresh_calls == 0);
    third.poke();
    loop.round(0ms);
    CHECK(fresh_calls == 1);
}

TEST_CASE("a watch whose descriptor was closed before it does not touch the next of that number") {
    EventLoop loop;
    Pair one;
    const Pair other;
    const int number = one.a.get();
    int stale = 0;
    int fresh = 0;
    Watch old;
    Fd next;
    Watch young;
    old = loop.watch(number, EPOLLIN, [&](std::uint32_t) {
        ++stale;
        // The number changes hands while the handler of its former owner runs.
        one.a.reset();
        next.reset(fcntl(other.a.get(), F_DUPFD_CLOEXEC, number));
        young = loop.watch(next.get(), EPOLLIN, [&](std::uint32_t) { ++fresh; });
    });
    one.poke();
    other.poke();
    loop.round(1s);
    REQUIRE(next.get() == number);
    old.set_events(0);
    old.reset();
    loop.round(1s);
    CHECK(stale == 1);
    CHECK(fresh == 1);
}

TEST_CASE("the first watch goes before all others") {
    EventLoop loop;
    std::array<Pair, 5> pairs;
    std::vector<int> order;
    std::vector<Watch> watches;
    for (int i = 0; i < 4; ++i) {
        watches.push_back(loop.watch(pairs.at(static_cast<std::size_t>(i)).a.get(), EPOLLIN,
                                     [&order, i](std::uint32_t) { order.push_back(i); }));
    }
    const Watch first =
        loop.watch_first(pairs[4].a.get(), EPOLLIN, [&](std::uint32_t) { order.push_back(100); });
    for (const Pair& pair : pairs)
        pair.poke();
    loop.round();
    REQUIRE(order.size() == 5);
    CHECK(order.front() == 100);
}

TEST_CASE("timers fire in order, once, and not when cancelled") {
    EventLoop loop;
    std::vector<int> order;
    Timer late;
    Timer early;
    TimePoint began;
    do {
        began = Clock::now();
        late = loop.after(2ms, [&] { order.push_back(2); });
        early = loop.after(1ms, [&] { order.push_back(1); });
    } while (Clock::now() - began >= 1ms); // no longer the earlier one, on a busy machine
    Timer never = loop.after(1ms, [&] { order.push_back(3); });
    never.reset();
    while (order.size() < 2)
        loop.round();
    CHECK(order == std::vector<int>{1, 2});
    CHECK_FALSE(static_cast<bool>(late));
    loop.round(0ms);
    CHECK(order.size() == 2);
}

TEST_CASE("set_events pauses and resumes") {
    EventLoop loop;
    Pair pair;
    int calls = 0;
    Watch watch = loop.watch(pair.a.get(), EPOLLIN, [&](std::uint32_t) { ++calls; });
    pair.poke();
    watch.set_events(0);
    loop.round(0ms);
    CHECK(calls == 0);
    watch.set_events(EPOLLIN);
    loop.round(0ms);
    CHECK(calls == 1);
}
