#include "base/address.h"

#include <doctest/doctest.h>

using namespace inetd;

TEST_CASE("an IP address prints as it was written") {
    CHECK(SocketAddress::parse_ip("192.0.2.1", 79)->to_string() == "192.0.2.1:79");
    CHECK(SocketAddress::parse_ip("::1", 79)->to_string() == "[::1]:79");
    CHECK(SocketAddress::parse_ip("2001:db8::7", 0)->host() == "2001:db8::7");
    CHECK(SocketAddress::parse_ip("fe80::1%lo", 1)->to_string() == "[fe80::1%lo]:1");
    for (const char* bad : {"", "localhost", "1.2.3", "1.2.3.4.5", "::g", "fe80::1%nosuchif"})
        CHECK_MESSAGE(!SocketAddress::parse_ip(bad, 1), bad);
}

TEST_CASE("kinds of addresses") {
    CHECK(SocketAddress::any_v4(7).is_wildcard());
    CHECK(SocketAddress::any_v6(7).is_wildcard());
    CHECK(SocketAddress::parse_ip("127.9.9.9", 1)->is_loopback());
    CHECK(SocketAddress::parse_ip("::ffff:127.0.0.1", 1)->is_loopback());
    CHECK(SocketAddress::parse_ip("224.0.0.1", 1)->is_multicast());
    CHECK(SocketAddress::parse_ip("ff02::1", 1)->is_multicast());
    CHECK(!SocketAddress::parse_ip("192.0.2.1", 1)->is_loopback());
}

TEST_CASE("a mapped address becomes the IPv4 address that it stands for") {
    CHECK(SocketAddress::parse_ip("::ffff:192.0.2.7", 99)->unmapped().to_string() ==
          "192.0.2.7:99");
    CHECK(SocketAddress::parse_ip("2001:db8::1", 99)->unmapped().to_string() == "[2001:db8::1]:99");
}

TEST_CASE("unix addresses") {
    CHECK(SocketAddress::unix_path("/run/x.sock")->to_string() == "/run/x.sock");
    CHECK(SocketAddress::unix_path("/run/x.sock")->unix_file() == "/run/x.sock");
    CHECK(SocketAddress::unix_path("@hidden")->to_string() == "@hidden");
    CHECK(SocketAddress::unix_path("@hidden")->unix_file().empty());
    CHECK(SocketAddress::unix_path(std::string(107, 'x')));
    CHECK(!SocketAddress::unix_path(std::string(108, 'x')));
    CHECK(SocketAddress::unix_path("@" + std::string(107, 'x')));
    CHECK(!SocketAddress::unix_path("@" + std::string(108, 'x')));
    CHECK(*SocketAddress::unix_path("/a") == *SocketAddress::unix_path("/a"));
    CHECK_FALSE(*SocketAddress::unix_path("/a") == *SocketAddress::unix_path("/b"));
}
