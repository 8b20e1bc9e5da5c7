#include "policy/gate.h"

#include <arpa/inet.h>
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
    const Rate rate = Rate::per_minute(3);
    for (int i = 0; i < 3; ++i)
        CHECK(bucket.take(rate, kStart));
    CHECK_FALSE(bucket.take(rate, kStart));
    CHECK(bucket.wait(rate, kStart) > 19s);
    CHECK(bucket.wait(rate, kStart) < 21s);
    CHECK_FALSE(bucket.take(rate, kStart + 19s));
    CHECK(bucket.take(rate, kStart + 21s));
    CHECK_FALSE(bucket.take(rate, kStart + 22s));
    CHECK_FALSE(bucket.full(rate, kStart + 22s));
    CHECK(bucket.full(rate, kStart + 90s));
}

TEST_CASE("the burst of a rate is apart from its speed") {
    TokenBucket bucket;
    const Rate slow{.count = 10, .seconds = 3600, .burst = 2};
    CHECK(bucket.take(slow, kStart));
    CHECK(bucket.take(slow, kStart));
    CHECK_FALSE(bucket.take(slow, kStart + 359s));
    CHECK(bucket.take(slow, kStart + 361s));
    CHECK(bucket.full(slow, kStart + 361s + 721s));

    TokenBucket wide;
    const Rate fast{.count = 50, .seconds = 1, .burst = 100};
    for (int i = 0; i < 100; ++i)
        REQUIRE(wide.take(fast, kStart));
    CHECK(wide.wait(fast, kStart) > 19ms);
    CHECK(wide.wait(fast, kStart) < 21ms);
    CHECK_FALSE(wide.full(fast, kStart + 1999ms));
    CHECK(wide.full(fast, kStart + 2001ms));
}

TEST_CASE("a rate that a reload has changed counts from now on") {
    TokenBucket bucket;
    for (int i = 0; i < 10; ++i)
        REQUIRE(bucket.take(Rate::per_minute(10), kStart));
    CHECK_FALSE(bucket.take({.count = 1, .seconds = 1, .burst = 1}, kStart));
    CHECK(bucket.take({.count = 1000, .seconds = 1, .burst = 20}, kStart));
}

TEST_CASE("a bucket that a reload has made smaller is empty, and no emptier") {
    const Rate wide = Rate::per_minute(1'000'000);
    const Rate narrow{.count = 1, .seconds = 86400, .burst = 1};
    TokenBucket bucket;
    for (int i = 0; i < 200'000; ++i)
        REQUIRE(bucket.take(wide, kStart));
    const TokenBucket untouched = bucket;
    CHECK(bucket.used(narrow, kStart) == 1);
    CHECK_FALSE(bucket.take(narrow, kStart));
    CHECK(bucket.wait(narrow, kStart) > 86399s);
    CHECK(bucket.wait(narrow, kStart) < 86401s);
    CHECK(bucket.take(narrow, kStart + 86401s));
    CHECK(untouched.full(narrow, kStart + 86401s));
}

TEST_CASE("after exactly the wait that it names there is a token") {
    for (const std::uint32_t count : {1U, 2U, 3U, 7U, 60U, 256U, 1000U, 100000U}) {
        for (const std::uint32_t seconds : {1U, 60U, 3600U, 86400U}) {
            for (const std::uint32_t burst : {1U, 3U, 1000U}) {
                const Rate rate{count, seconds, burst};
                TokenBucket bucket;
                for (std::uint32_t i = 0; i < burst; ++i)
                    REQUIRE(bucket.take(rate, kStart));
                const auto wait = bucket.wait(rate, kStart);
                CHECK(wait > 0s);
                CHECK(bucket.take(rate, kStart + wait));
            }
        }
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
    const Limits limits{.rate = Rate::per_minute(2)};
    CHECK(crowd.come(limits, "192.0.2.1"));
    CHECK(crowd.come(limits, "192.0.2.1"));
    const auto room = crowd.gate->room(limits, kStart);
    CHECK_FALSE(room.full);
    CHECK(room.rate > 29s);
    CHECK(crowd.gate->room(limits, kStart + room.rate));
    CHECK(crowd.gate->refused().total() == 0);
}

TEST_CASE("overflow is refused where that is wanted, and heals") {
    Crowd crowd;
    const Limits limits{.instances = 2,
                        .rate = {.count = 3, .seconds = 60, .burst = 3},
                        .overflow = Overflow::refuse};
    CHECK(crowd.come(limits, "192.0.2.1"));
    CHECK(crowd.come(limits, "192.0.2.1"));
    const auto answer = crowd.gate->admit(limits, peer("192.0.2.2"), kStart);
    REQUIRE(std::holds_alternative<Refusal>(answer));
    CHECK(std::get<Refusal>(answer) == Refusal::instances);
    crowd.slots.clear();
    CHECK(crowd.come(limits, "192.0.2.2"));
    crowd.slots.clear();
    const auto next = crowd.gate->admit(limits, peer("192.0.2.2"), kStart);
    REQUIRE(std::holds_alternative<Refusal>(next));
    CHECK(std::get<Refusal>(next) == Refusal::rate);
    CHECK(crowd.gate->refused().total() == 2);
    CHECK(crowd.come(limits, "192.0.2.2", kStart + 21s));
}

TEST_CASE("one source is refused while another is served") {
    Crowd crowd;
    const Limits limits{.per_source = 1};
    CHECK(crowd.come(limits, "192.0.2.1"));
    CHECK_FALSE(crowd.come(limits, "192.0.2.1"));
    CHECK_FALSE(crowd.come(limits, "::ffff:192.0.2.1"));
    CHECK(crowd.come(limits, "192.0.2.2"));
    CHECK(crowd.come(limits, "2001:db8::1"));
    CHECK(crowd.gate->refused().total() == 2);
    crowd.slots.clear();
    CHECK(crowd.gate->sources() == 0);
    CHECK(crowd.come(limits, "192.0.2.1"));
}

TEST_CASE("the rate of one source heals") {
    Crowd crowd;
    const Limits limits{.source_rate = Rate::per_minute(2)};
    CHECK(crowd.come(limits, "192.0.2.1"));
    CHECK(crowd.come(limits, "192.0.2.1"));
    CHECK_FALSE(crowd.come(limits, "192.0.2.1"));
    CHECK(crowd.come(limits, "192.0.2.2"));
    CHECK(crowd.come(limits, "192.0.2.1", kStart + 31s));
}

TEST_CASE("the prefix says who is one source") {
    Crowd crowd;
    const Limits limits{.per_source = 1, .prefix = {.v4 = 24, .v6 = 48}};
    CHECK(crowd.come(limits, "192.0.2.1"));
    CHECK_FALSE(crowd.come(limits, "192.0.2.2"));
    CHECK(crowd.come(limits, "192.0.3.1"));
    CHECK(crowd.come(limits, "2001:db8:0:1::1"));
    CHECK_FALSE(crowd.come(limits, "2001:db8:0:2::1"));
    CHECK(crowd.gate->sources() == 3);
    const Limits rate{.source_rate = Rate::per_minute(1), .prefix = {.v4 = 8}};
    CHECK(crowd.come(rate, "10.0.0.1"));
    CHECK_FALSE(crowd.come(rate, "10.255.0.1"));
    CHECK(crowd.gate->refused().of(Refusal::source_rate) == 1);
}

TEST_CASE("by default a /64 of IPv6 is one source") {
    Crowd crowd;
    const Limits limits{.per_source = 1};
    CHECK(crowd.come(limits, "2001:db8::1"));
    CHECK_FALSE(crowd.come(limits, "2001:db8::2"));
    CHECK(crowd.come(limits, "2001:db8:0:1::1"));
}

TEST_CASE("what runs is counted anew when a reload changes who is one source") {
    Crowd crowd;
    CHECK(crowd.come({}, "192.0.2.1"));
    CHECK(crowd.come({.per_source = 2}, "192.0.2.2"));
    CHECK(crowd.come({.per_source = 2}, "192.0.2.3"));
    CHECK(crowd.gate->sources() == 3);
    const Limits wide{.per_source = 3, .prefix = {.v4 = 24}};
    CHECK_FALSE(crowd.come(wide, "192.0.2.4"));
    CHECK(crowd.gate->sources() == 1);
    crowd.slots.pop_back();
    CHECK(crowd.come(wide, "192.0.2.4"));
    CHECK(crowd.come({.per_source = 1}, "192.0.2.9"));
    CHECK_FALSE(crowd.come({.per_source = 1}, "192.0.2.4"));
    CHECK(crowd.gate->sources() == 4);
    crowd.come({}, "192.0.2.9");
    CHECK(crowd.gate->sources() == 0);
    crowd.slots.clear();
    CHECK(crowd.gate->running() == 0);
    CHECK(crowd.come({.per_source = 1}, "192.0.2.9"));
}

TEST_CASE("a place may be kept for a client that is not known yet") {
    Crowd crowd;
    const Limits limits{.instances = 2, .per_source = 1, .overflow = Overflow::refuse};
    const auto ask = [&](Gate::Ask what, const char* host) {
        auto answer = crowd.gate->admit(limits, peer(host), kStart, what);
        auto* slot = std::get_if<Slot>(&answer);
        if (slot != nullptr) crowd.slots.push_back(std::move(*slot));
        return slot != nullptr;
    };
    CHECK(ask(Gate::Ask::service, "192.0.2.99"));
    CHECK(ask(Gate::Ask::service, "192.0.2.99"));
    CHECK_FALSE(ask(Gate::Ask::service, "192.0.2.99"));
    CHECK(crowd.gate->sources() == 0);
    CHECK(crowd.gate->started() == 0);
    CHECK(ask(Gate::Ask::source, "192.0.2.1"));
    CHECK_FALSE(ask(Gate::Ask::source, "192.0.2.1"));
    CHECK(ask(Gate::Ask::source, "192.0.2.2"));
    CHECK(crowd.gate->started() == 2);
    CHECK(crowd.gate->refused().of(Refusal::instances) == 1);
    CHECK(crowd.gate->refused().of(Refusal::source_instances) == 1);
}

TEST_CASE("a flood of sources leaves nothing behind, and no count is wrong after it") {
    Crowd crowd;
    const Limits limits{.instances = 0, .per_source = 2, .source_rate = Rate::per_minute(5)};
    CHECK(crowd.come(limits, "192.0.2.1"));
    for (int i = 0; i < 100'000; ++i) {
        SocketAddress client = peer("10.0.0.0");
        sockaddr_in raw = client.v4();
        raw.sin_addr.s_addr = htonl(0x0a000000U + static_cast<unsigned>(i));
        const auto answer = crowd.gate->admit(limits, SocketAddress(&raw, sizeof raw), kStart);
    }
    CHECK(crowd.gate->running() == 1);
    CHECK(crowd.gate->sources() == 1);
    CHECK(crowd.gate->state(limits, kStart).rates.sources.size() <= SourceRates::kMost);
    CHECK(crowd.come(limits, "192.0.2.1"));
    CHECK_FALSE(crowd.come(limits, "192.0.2.1"));
    CHECK(crowd.gate->state(limits, kStart + 1h).rates.sources.empty());
}

TEST_CASE("limits that come and go with a reload do not confuse the counts") {
    Crowd crowd;
    CHECK(crowd.come({}, "192.0.2.1"));
    CHECK_FALSE(crowd.come({.per_source = 1}, "192.0.2.1"));
    CHECK(crowd.come({.per_source = 2}, "192.0.2.1"));
    CHECK_FALSE(crowd.come({.per_source = 2}, "192.0.2.1"));
    crowd.slots.clear();
    CHECK(crowd.gate->running() == 0);
    CHECK(crowd.come({.per_source = 1}, "192.0.2.1"));
}

TEST_CASE("a gate that nobody has come to has room and nothing to tell") {
    const Gate gate;
    const Limits limits{.instances = 1, .rate = {1, 60, 1}, .source_rate = {1, 60, 1}};
    CHECK(gate.room(limits, kStart));
    CHECK(gate.state(limits, kStart) == Gate::State{});
    CHECK(gate.history(kStart).empty());
    CHECK(gate.counted() == nullptr);
}

TEST_CASE("another gate goes on with what was counted and used up") {
    Limits limits;
    limits.rate = Rate::per_minute(2);
    limits.source_rate = Rate::per_minute(1);
    limits.per_source = 1;
    Crowd before;
    REQUIRE(before.come(limits, "192.0.2.1"));
    CHECK_FALSE(before.come(limits, "192.0.2.1"));
    CHECK(before.gate->counted() == nullptr);
    before.gate->tally().count_exit(true, 9);

    Crowd after;
    after.gate->restore(before.gate->state(limits, kStart), limits, kStart);
    CHECK(after.gate->started() == 1);
    CHECK(after.gate->refused().total() == 1);
    CHECK(after.gate->tally() == before.gate->tally());
    CHECK(after.gate->running() == 0);
    after.slots.push_back(after.gate->readmit(limits, peer("192.0.2.1")));
    CHECK(after.gate->running() == 1);
    CHECK(after.gate->started() == 1);
    CHECK_FALSE(after.come(limits, "192.0.2.1", kStart + 61s)); // it still runs
    after.slots.clear();
    CHECK_FALSE(after.come(limits, "192.0.2.1", kStart + 1s)); // and it came just now
    CHECK(after.come(limits, "192.0.2.2", kStart + 1s));
    CHECK_FALSE(after.gate->room(limits, kStart + 1s));
    CHECK(after.gate->room(limits, kStart + 61s));
}

TEST_CASE("when clients came is known only where it is wanted") {
    Crowd crowd;
    Limits limits;
    limits.instances = 2;
    limits.overflow = Overflow::refuse;
    CHECK(crowd.come(limits, "192.0.2.1"));
    CHECK(crowd.gate->history(kStart).empty());
    crowd.gate->keep_history(true);
    CHECK(crowd.gate->history(kStart).empty()); // nobody came since
    CHECK(crowd.come(limits, "192.0.2.1"));
    CHECK_FALSE(crowd.come(limits, "192.0.2.1"));
    crowd.gate->count(Refusal::max_load, kStart + 10s);
    crowd.gate->count(Refusal::reflection, kStart + 10s, 0);
    const auto spans = crowd.gate->history(kStart + 10s);
    REQUIRE(spans.size() == LoadHistory::kSpans);
    CHECK(spans[LoadHistory::kSpans - 2] == LoadHistory::Span{1, 1});
    CHECK(spans.back() == LoadHistory::Span{0, 1});
    crowd.gate->keep_history(true);
    CHECK_FALSE(crowd.gate->history(kStart + 10s).empty());
    crowd.gate->keep_history(false);
    crowd.gate->keep_history(true);
    CHECK(crowd.gate->history(kStart + 10s).empty());
}
