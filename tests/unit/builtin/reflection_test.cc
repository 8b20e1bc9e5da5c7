#include "builtin/reflection.h"

#include "base/address.h"

#include <array>
#include <doctest/doctest.h>

using namespace inetd;

static SocketAddress ip(const char* host, std::uint16_t port = 0) {
    return SocketAddress::parse_ip(host, port).value();
}

static bool refused(const char* host, std::uint16_t port, DatagramRoute route = {}) {
    return may_reflect(*ip(host, port).data(), route);
}

TEST_CASE("clients are answered") {
    CHECK_FALSE(refused("192.0.2.1", 40000));
    CHECK_FALSE(refused("127.0.0.1", 40000));
    CHECK_FALSE(refused("::1", 40000));
    CHECK_FALSE(refused("fe80::1%1", 40000));
    CHECK_FALSE(refused("::ffff:192.0.2.1", 40000));
    CHECK_FALSE(refused("192.0.2.1", 8));
    CHECK_FALSE(refused("192.0.2.1", 53)); // a resolver's source port is as good as any
    CHECK_FALSE(may_reflect(*SocketAddress::unix_path("/run/x").value().data(), {}));
}

TEST_CASE("services that answer whatever they get are not") {
    for (const std::uint16_t port : std::array<std::uint16_t, 7>{0, 7, 9, 13, 17, 19, 37}) {
        CHECK(refused("192.0.2.1", port));
        CHECK(refused("127.0.0.1", port));
        CHECK(refused("2001:db8::1", port));
        CHECK(refused("::ffff:192.0.2.1", port));
    }
    CHECK(refused("192.0.2.1", 7007, {.port = 7007}));
    CHECK_FALSE(refused("192.0.2.1", 7008, {.port = 7007}));
}

TEST_CASE("sources that are no single machine are not") {
    for (const char* host :
         {"0.0.0.0", "0.1.2.3", "255.255.255.255", "224.0.0.1", "239.255.255.250", "::", "ff02::1",
          "::ffff:224.0.0.1", "::ffff:255.255.255.255", "::ffff:0.0.0.0"}) {
        CAPTURE(host);
        CHECK(refused(host, 40000));
    }
}

TEST_CASE("destinations that others heard as well are not") {
    const auto asked = [](const char* host, const char* local) {
        return refused("192.0.2.1", 40000,
                       {.asked = ip(host).v4().sin_addr, .local = ip(local).v4().sin_addr});
    };
    CHECK(asked("192.0.2.255", "192.0.2.9")); // of the subnet
    CHECK(asked("255.255.255.255", "192.0.2.9"));
    CHECK(asked("224.0.0.1", "192.0.2.9"));
    CHECK_FALSE(asked("192.0.2.9", "192.0.2.9"));
    CHECK_FALSE(asked("192.0.2.9", "0.0.0.0")); // the kernel did not say
    const auto asked6 = [](const char* host) {
        return refused("2001:db8::2", 40000, {.asked6 = ip(host).v6().sin6_addr});
    };
    CHECK(asked6("ff02::1"));
    CHECK(asked6("::ffff:224.0.0.1"));
    CHECK(asked6("::ffff:255.255.255.255"));
    CHECK_FALSE(asked6("2001:db8::1"));
    CHECK_FALSE(asked6("::ffff:192.0.2.9"));
    CHECK_FALSE(asked6("::")); // the kernel did not say
}
