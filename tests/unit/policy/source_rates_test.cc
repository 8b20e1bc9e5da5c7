#include "policy/source_rates.h"

#include <doctest/doctest.h>

using namespace inetd;
using namespace std::chrono_literals;

namespace {
const SourceRates::TimePoint kStart{1000s};
const Rate kRate{.count = 5, .seconds = 60, .burst = 5};

SourceKey key(const char* host) {
    return *address_key(*SocketAddress::parse_ip(host, 4711));
}

// Another IPv4 address for each number.
SourceKey v4(std::uint32_t number) {
    SourceKey source = key("0.0.0.0");
    for (unsigned i = 0; i < 4; ++i)
        source.bytes.at(15 - i) = static_cast<std::uint8_t>(number >> (8 * i));
    return source;
}

// Another /64 of 2001:db8::/32 for each number.
SourceKey v6(std::uint32_t number) {
    SourceKey source = key("2001:db8::1");
    for (unsigned i = 0; i < 4; ++i)
        source.bytes.at(7 - i) = static_cast<std::uint8_t>(number >> (8 * i));
    return source;
}

struct Table {
    SourceRates rates{SourcePrefix{}};
    bool take(const SourceKey& client, SourceRates::TimePoint now = kStart,
              SourcePrefix prefix = {}) {
        return rates.take(kRate, prefix, client, now);
    }
    int take_all(const SourceKey& client, SourceRates::TimePoint now = kStart,
                 SourcePrefix prefix = {}) {
        int taken = 0;
        while (take(client, now, prefix))
            ++taken;
        return taken;
    }
    std::size_t size(SourceRates::TimePoint now = kStart) {
        return rates.state(kRate, now).sources.size();
    }
};
} // namespace

TEST_CASE("a prefix says which clients are one source") {
    CHECK(key("192.0.2.1").is_v4());
    CHECK(key("192.0.2.1") == key("::ffff:192.0.2.1"));
    CHECK_FALSE(key("2001:db8::1").is_v4());
    const SourcePrefix usual;
    CHECK(key("192.0.2.1").within(usual) == key("192.0.2.1"));
    CHECK(key("2001:db8:1:2:3::4").within(usual) == key("2001:db8:1:2::"));
    const SourcePrefix odd{.v4 = 23, .v6 = 45};
    CHECK(key("192.0.3.9").within(odd) == key("192.0.2.0"));
    CHECK(key("2001:db8:000f::").within(odd) == key("2001:db8:8::"));
    const SourcePrefix least{.v4 = 1, .v6 = 1};
    CHECK(key("192.0.2.1").within(least) == key("128.0.0.0"));
    CHECK(key("127.0.0.1").within(least) == key("0.0.0.0"));
    CHECK(key("::1").within(least) == key("::"));
    const SourcePrefix most{.v4 = 32, .v6 = 128};
    CHECK(key("2001:db8::1").within(most) == key("2001:db8::1"));
    CHECK_FALSE(address_key(*SocketAddress::unix_path("/x")));
}

TEST_CASE("clients of one prefix share one bucket") {
    Table table;
    CHECK(table.take_all(key("192.0.2.1")) == 5);
    CHECK(table.take_all(key("192.0.2.2")) == 5);
    CHECK(table.take_all(key("2001:db8::1")) == 5);
    CHECK_FALSE(table.take(key("2001:db8::ffff:1")));
    CHECK(table.take(key("2001:db8:0:1::1")));
    CHECK(table.take(key("::1")));
    CHECK(table.take(key("192.0.2.1"), kStart + 13s));
    CHECK_FALSE(table.take(key("192.0.2.1"), kStart + 13s));
}

TEST_CASE("a million sources do not grow the table, and nobody gains by them") {
    Table table;
    const SourceKey honest = key("192.0.2.1");
    const SourceKey idle = key("198.51.100.7");
    const SourceKey greedy = v4(0x0a000000);
    CHECK(table.take(honest));
    CHECK(table.take(idle));
    CHECK(table.take_all(greedy) == 5);
    unsigned served = 0;
    for (std::uint32_t i = 1; i <= 1'000'000; ++i)
        served += table.take(v4(0x0a000000 + i), kStart + 1s) ? 1U : 0U;
    CHECK(table.size() <= SourceRates::kMost);
    // Each once that found a place; the others have what 16 networks share.
    CHECK(served <= SourceRates::kMost + 16 * 5);
    // Who used up his tokens is not forgotten for others,
    CHECK_FALSE(table.take(greedy, kStart + 2s));
    // who is known has what was left to him,
    CHECK(table.take_all(honest, kStart + 2s) == 4);
    // and there is something for newcomers of other networks.
    CHECK(table.take(key("203.0.113.5"), kStart + 2s));
    CHECK(table.take(key("2001:db8::1"), kStart + 2s));
    CHECK_FALSE(table.take(v4(0x0a000000 + 999'999), kStart + 2s));
    CHECK(table.take(idle, kStart + 3s));
    // All heals with time.
    CHECK(table.size(kStart + 1h) == 0);
    CHECK(table.take_all(v4(0x0a000000 + 999'999), kStart + 1h) == 5);
}

TEST_CASE("all the /64s of a provider use up what they share, and that of nobody else") {
    Table table;
    CHECK(table.take(v6(0)));
    for (std::uint32_t i = 1; i <= 300'000; ++i)
        table.take(v6(i), kStart + 1s);
    CHECK(table.size() <= SourceRates::kMost);
    int refused = 0;
    for (std::uint32_t i = 300'001; i <= 300'100; ++i)
        refused += table.take(v6(i), kStart + 1s) ? 0 : 1;
    CHECK(refused >= 90); // some sets may have a place yet
    CHECK(table.take_all(v6(0), kStart + 1s) == 4);
    CHECK(table.take(key("2001:db9::1"), kStart + 1s));
    CHECK(table.take(key("192.0.2.1"), kStart + 1s));
}

TEST_CASE("a bucket that is full again makes room, the longest unused first") {
    Table table;
    for (std::uint32_t i = 0; i < 300'000; ++i)
        table.take(v4(i));
    const auto later = kStart + 5min;
    CHECK(table.size(later) == 0);
    CHECK(table.take(key("192.0.2.1"), later));
    // Many places are free that were used before this one.
    for (std::uint32_t i = 0; i < 1000; ++i)
        REQUIRE(table.take(v4(0x0b000000 + i), later));
    CHECK(table.take_all(key("192.0.2.1"), later) == 4);
}

TEST_CASE("a wider prefix adds up what was used, a narrower one begins anew") {
    const SourcePrefix wide{.v4 = 24, .v6 = 48};
    const SourcePrefix narrow{.v4 = 32, .v6 = 128};
    Table table;
    for (const char* host : {"192.0.2.1", "192.0.2.2", "192.0.2.3"})
        CHECK(table.take(key(host)));
    CHECK(table.take(key("2001:db8:0:1::1")));
    CHECK(table.take_all(key("192.0.2.9"), kStart, wide) == 2);
    CHECK(table.take_all(key("2001:db8:0:2::1"), kStart, wide) == 4);
    CHECK(table.take_all(key("192.0.3.9"), kStart, wide) == 5);
    CHECK(table.take_all(key("192.0.2.9"), kStart, narrow) == 5);
    CHECK(table.take_all(key("2001:db8:0:2::1"), kStart, narrow) == 5);
    // Each family for itself.
    const SourcePrefix mixed{.v4 = 32, .v6 = 48};
    CHECK(table.take_all(key("192.0.2.9"), kStart, mixed) == 0);
    CHECK(table.take_all(key("2001:db8:0:2::1"), kStart, mixed) == 0);
}

TEST_CASE("another table goes on with what sources have used, under its own key or prefix") {
    Table table;
    for (std::uint32_t i = 0; i < 200'000; ++i)
        table.take(v4(i));
    const SourceKey greedy = key("192.0.2.1");
    table.rates = SourceRates(table.rates.state(kRate, kStart + 10s), kRate, kStart + 10s);
    CHECK(table.size() <= SourceRates::kMost);
    CHECK(table.size() > SourceRates::kMost / 2);

    Table small;
    CHECK(small.take_all(greedy) == 5);
    CHECK(small.take(v6(7)));
    const auto state = small.rates.state(kRate, kStart);
    CHECK(state.sources.size() == 2);
    small.rates = SourceRates(state, kRate, kStart);
    CHECK_FALSE(small.take(greedy));
    CHECK(small.take_all(v6(7)) == 4);
    small.rates = SourceRates(state, kRate, kStart);
    CHECK_FALSE(small.take(key("192.0.2.200"), kStart, {.v4 = 24}));
}
