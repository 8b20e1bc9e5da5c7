#include "base/cidr.h"

#include <doctest/doctest.h>

using namespace inetd;

static std::string parsed(const char* text) {
    const auto cidr = Cidr::parse(text);
    return cidr ? cidr->to_string() : "-";
}

static bool holds(const char* network, const char* host) {
    return Cidr::parse(network)->contains(*SocketAddress::parse_ip(host, 99));
}

TEST_CASE("networks are read and written") {
    CHECK(parsed("192.0.2.1") == "192.0.2.1");
    CHECK(parsed("192.0.2.1/32") == "192.0.2.1");
    CHECK(parsed("192.0.2.77/24") == "192.0.2.0/24");
    CHECK(parsed("255.255.255.255/25") == "255.255.255.128/25");
    CHECK(parsed("0.0.0.0/0") == "0.0.0.0/0");
    CHECK(parsed("::/0") == "::/0");
    CHECK(parsed("2001:DB8::1/33") == "2001:db8::/33");
    CHECK(parsed("2001:db8::1/128") == "2001:db8::1");
    CHECK(parsed("::ffff:192.0.2.1") == "192.0.2.1");
    CHECK(parsed("::ffff:192.0.2.1/120") == "192.0.2.0/24");
    CHECK(parsed("::ffff:0:0/96") == "0.0.0.0/0");
    for (const char* bad : {"", "/", "/8", "192.0.2.1/", "192.0.2.1/33", "192.0.2/24", "::/129",
                            "::1/-1", "::1/1x", "fe80::1%1", "a/8", "::ffff:0:0/95", "1.2.3.4/ 8"})
        CHECK_MESSAGE(parsed(bad) == "-", bad);
}

TEST_CASE("a network holds the addresses of its own family, mapped ones too") {
    CHECK(holds("192.0.2.0/24", "192.0.2.255"));
    CHECK(holds("192.0.2.0/24", "::ffff:192.0.2.1"));
    CHECK_FALSE(holds("192.0.2.0/24", "192.0.3.0"));
    CHECK(holds("0.0.0.0/0", "192.0.2.1"));
    CHECK_FALSE(holds("::/0", "192.0.2.1"));
    CHECK_FALSE(holds("::/0", "::ffff:192.0.2.1"));
    CHECK(holds("::/0", "2001:db8::1"));
    CHECK_FALSE(holds("0.0.0.0/0", "::1"));
    CHECK(holds("fe80::/10", "fe80::1"));
    CHECK_FALSE(Cidr::parse("0.0.0.0/0")->contains(*SocketAddress::unix_path("/x")));
}
