#include "policy/outcasts.h"

#include <doctest/doctest.h>
#include <fmt/core.h>

using namespace inetd;
using namespace std::chrono_literals;

static SocketAddress at(const std::string& host) {
    return *SocketAddress::parse_ip(host, 4711);
}

static constexpr Outcasts::TimePoint kStart{1000s};

TEST_CASE("outcasts: shut out for their time, by address and not by port") {
    Outcasts outcasts;
    CHECK_FALSE(outcasts.contains(at("192.0.2.1"), kStart));
    CHECK(outcasts.add(at("192.0.2.1"), 60s, kStart));
    SocketAddress again = at("192.0.2.1");
    again.set_port(1);
    CHECK(outcasts.contains(again, kStart + 59s));
    CHECK(outcasts.contains(at("::ffff:192.0.2.1"), kStart));
    CHECK_FALSE(outcasts.contains(at("192.0.2.2"), kStart));
    CHECK_FALSE(outcasts.contains(at("192.0.2.1"), kStart + 60s));
    CHECK(outcasts.size() == 0);
}

TEST_CASE("outcasts: a second offence prolongs the time and never shortens it") {
    Outcasts outcasts;
    outcasts.add(at("192.0.2.1"), 60s, kStart);
    outcasts.add(at("192.0.2.1"), 10s, kStart);
    CHECK(outcasts.contains(at("192.0.2.1"), kStart + 59s));
    outcasts.add(at("192.0.2.1"), 60s, kStart + 30s);
    CHECK(outcasts.contains(at("192.0.2.1"), kStart + 89s));
    CHECK(outcasts.size() == 1);
}

TEST_CASE("outcasts: a /64 of IPv6 is one, and loopback is none") {
    Outcasts outcasts;
    CHECK(outcasts.add(at("2001:db8:0:1::1"), 60s, kStart));
    CHECK(outcasts.contains(at("2001:db8:0:1:ffff::2"), kStart));
    CHECK_FALSE(outcasts.contains(at("2001:db8:0:2::1"), kStart));
    CHECK_FALSE(outcasts.add(at("127.0.0.1"), 60s, kStart));
    CHECK_FALSE(outcasts.add(at("::1"), 60s, kStart));
    CHECK_FALSE(outcasts.add(*SocketAddress::unix_path("/x"), 60s, kStart));
    CHECK(outcasts.size() == 1);
}

TEST_CASE("outcasts: another list goes on with those whose time is not up") {
    Outcasts outcasts;
    outcasts.add(at("192.0.2.1"), 60s, kStart);
    outcasts.add(at("2001:db8::1"), 1h, kStart);
    Outcasts other;
    other.restore(outcasts.state(), kStart + 60s);
    CHECK(other.size() == 1);
    CHECK_FALSE(other.contains(at("192.0.2.1"), kStart + 60s));
    CHECK(other.contains(at("2001:db8::2"), kStart + 60s));
    CHECK_FALSE(other.contains(at("2001:db8::2"), kStart + 1h));
}

TEST_CASE("outcasts: a whole network cannot make the table grow") {
    Outcasts outcasts;
    outcasts.add(at("192.0.2.1"), 1h, kStart);
    for (unsigned i = 0; i < 20'000; ++i)
        outcasts.add(at(fmt::format("10.0.{}.{}", i / 250, i % 250)), 60s, kStart);
    CHECK(outcasts.size() == Outcasts::kMost);
    CHECK(outcasts.contains(at("192.0.2.1"), kStart));
    CHECK(outcasts.contains(at("10.0.79.249"), kStart));
    CHECK_FALSE(outcasts.contains(at("10.0.0.0"), kStart));
}
