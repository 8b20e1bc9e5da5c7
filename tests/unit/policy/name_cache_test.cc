#include "policy/name_cache.h"

#include <doctest/doctest.h>
#include <fmt/core.h>

using namespace inetd;
using namespace std::chrono_literals;

static SocketAddress at(const std::string& host, std::uint16_t port = 1) {
    return *SocketAddress::parse_ip(host, port);
}

static HostNames named(const std::string& name) {
    return {.state = HostNames::State::known, .names = {name}};
}

static constexpr NameCache::TimePoint kStart{1000s};

TEST_CASE("name cache: by address, for a time, and for less where nothing is known") {
    NameCache cache({.entries = 9, .known = 60s, .unknown = 5s});
    cache.add(at("192.0.2.1", 7), named("a"), kStart);
    cache.add(at("192.0.2.2"), {}, kStart);
    REQUIRE(cache.find(at("::ffff:192.0.2.1", 8), kStart + 59s) != nullptr);
    CHECK(*cache.find(at("192.0.2.1"), kStart + 59s) == named("a"));
    CHECK(cache.find(at("192.0.2.1"), kStart + 60s) == nullptr);
    CHECK(cache.find(at("192.0.2.2"), kStart + 4s) != nullptr);
    CHECK(cache.find(at("192.0.2.2"), kStart + 5s) == nullptr);
    CHECK(cache.find(at("192.0.2.3"), kStart) == nullptr);
    cache.clear();
    CHECK(cache.find(at("192.0.2.1"), kStart) == nullptr);
}

TEST_CASE("name cache: the oldest gives way, and it never grows beyond its bound") {
    NameCache cache({.entries = 3, .known = 60s, .unknown = 5s});
    for (int i = 0; i < 3; ++i)
        cache.add(at(fmt::format("192.0.2.{}", i)), named("a"), kStart + i * 1s);
    cache.add(at("192.0.2.0"), named("b"), kStart + 4s); // younger than the others now
    cache.add(at("192.0.2.9"), named("a"), kStart + 5s);
    CHECK(cache.find(at("192.0.2.1"), kStart + 5s) == nullptr);
    REQUIRE(cache.find(at("192.0.2.0"), kStart + 5s) != nullptr);
    CHECK(*cache.find(at("192.0.2.0"), kStart + 5s) == named("b"));
    for (int i = 0; i < 1000; ++i)
        cache.add(at(fmt::format("10.0.{}.{}", i / 250, i % 250)), named("a"), kStart + 6s);
    CHECK(cache.size() == 3);
    for (int i = 0; i < 1000; ++i)
        cache.add(at("192.0.2.1"), named("a"), kStart + 7s);
    CHECK(cache.size() <= 3);
    CHECK(cache.find(at("192.0.2.1"), kStart + 7s) != nullptr);
}
