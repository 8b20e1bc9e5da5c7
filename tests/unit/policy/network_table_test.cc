#include "policy/network_table.h"

#include <cstdint>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

using namespace inetd;

using Networks = std::vector<std::pair<Cidr, NetworkTable::Value>>;

static SocketAddress at(const std::string& host) {
    return *SocketAddress::parse_ip(host, 4711);
}

static int value_of(const NetworkTable& table, const std::string& host) {
    const auto match = table.find(at(host));
    return match ? match->value : 0;
}

TEST_CASE("network table: the longest prefix, from its first address to its last") {
    const NetworkTable table({{*Cidr::parse("10.0.0.0/8"), 1},
                              {*Cidr::parse("10.0.0.0/16"), 2},
                              {*Cidr::parse("10.0.255.0/24"), 3},
                              {*Cidr::parse("10.0.255.255"), 4},
                              {*Cidr::parse("255.255.255.0/24"), 5},
                              {*Cidr::parse("2001:db8::/32"), 6},
                              {*Cidr::parse("2001:db8:0:0:ffff::/80"), 7},
                              {*Cidr::parse("ffff::/16"), 8}});
    for (const auto& [host, value] :
         std::vector<std::pair<std::string, int>>{{"9.255.255.255", 0},
                                                  {"10.0.0.0", 2},
                                                  {"10.0.254.255", 2},
                                                  {"10.0.255.0", 3},
                                                  {"10.0.255.254", 3},
                                                  {"10.0.255.255", 4},
                                                  {"10.1.0.0", 1},
                                                  {"10.255.255.255", 1},
                                                  {"11.0.0.0", 0},
                                                  {"255.255.255.255", 5},
                                                  {"::ffff:10.0.255.255", 4},
                                                  {"2001:db7:ffff::", 0},
                                                  {"2001:db8::", 6},
                                                  {"2001:db8:0:0:ffff::1", 7},
                                                  {"2001:db8:0:1::", 6},
                                                  {"2001:db9::", 0},
                                                  {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 8}}) {
        CAPTURE(host);
        CHECK(value_of(table, host) == value);
    }
    CHECK(table.find(at("10.0.255.255"))->is_host);
    CHECK_FALSE(table.find(at("10.0.255.254"))->is_host);
    CHECK_FALSE(NetworkTable().find(at("::1")));
}

TEST_CASE("network table: who is there twice has both values") {
    const NetworkTable table(
        {{*Cidr::parse("192.0.2.0/24"), 1}, {*Cidr::parse("192.0.2.0/24"), 2}});
    CHECK(value_of(table, "192.0.2.255") == 3);
    CHECK(value_of(table, "192.0.3.0") == 0);
}

static SocketAddress random_address(std::minstd_rand& random, bool v4) {
    // Few different bits, so that networks lie in one another and have common ends.
    const auto byte = [&] { return static_cast<std::uint8_t>(random() % 3 == 0 ? 255 : 0); };
    if (v4) {
        sockaddr_in name{};
        name.sin_family = AF_INET;
        for (int i = 0; i < 4; ++i)
            reinterpret_cast<std::uint8_t*>(&name.sin_addr)[i] = byte();
        return {&name, sizeof name};
    }
    sockaddr_in6 name{};
    name.sin6_family = AF_INET6;
    for (std::uint8_t& each : name.sin6_addr.s6_addr)
        each = byte();
    return {&name, sizeof name};
}

TEST_CASE("network table: as if all networks were looked at") {
    std::minstd_rand random(4711);
    for (int round = 0; round < 300; ++round) {
        const bool v4 = round % 2 == 0;
        Networks networks;
        for (int i = 0; i < 40; ++i)
            networks.emplace_back(Cidr(random_address(random, v4),
                                       1 + static_cast<unsigned>(random() % (v4 ? 32 : 128))),
                                  static_cast<NetworkTable::Value>(1U << random() % 8));
        const NetworkTable table(networks);
        for (int i = 0; i < 100; ++i) {
            const SocketAddress client = random_address(random, v4);
            unsigned length = 0;
            int expected = 0;
            for (const auto& [network, value] : networks) {
                if (!network.contains(client) || network.length() < length) continue;
                expected = network.length() > length ? value : expected | value;
                length = network.length();
            }
            const auto match = table.find(client);
            CHECK((match ? match->value : 0) == expected);
        }
    }
}
