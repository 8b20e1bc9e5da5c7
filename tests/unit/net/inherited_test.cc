#include "net/inherited.h"

#include "net/repair.h"

#include <array>
#include <cstdint>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>

using namespace inetd;

namespace {

// Bound to a port of the kernel's choice, unless it is told.
Fd bound(const char* host, int type, bool both = false, std::uint16_t port = 0) {
    auto address = SocketAddress::parse_ip(host, port);
    REQUIRE(address);
    Fd fd(socket(address->family(), type | SOCK_CLOEXEC, 0));
    const int only = both ? 0 : 1;
    if (address->family() == AF_INET6)
        REQUIRE(setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only) == 0);
    REQUIRE(bind(fd.get(), address->data(), address->size()) == 0);
    return fd;
}

ServiceConfigPtr service(const char* name, std::vector<ListenSpec> listen) {
    auto config = std::make_shared<ServiceConfig>();
    config->name = name;
    config->listen = std::move(listen);
    return config;
}

ListenSpec tcp(SocketAddress address, bool both = false) {
    return {address, SOCK_STREAM, IPPROTO_TCP, both};
}

// Adds one and says where it is bound.
ListenSpec add(InheritedSockets& sockets, Fd fd, const char* name) {
    auto examined = examine_socket(Fd(dup(fd.get())), name, Holder::unit);
    REQUIRE(examined);
    REQUIRE(sockets.add(std::move(fd), name, Holder::unit));
    return examined->spec;
}

} // namespace

TEST_CASE("what the kernel says of a socket is what a line would say") {
    const auto stream = examine_socket(bound("127.0.0.1", SOCK_STREAM), "a", Holder::unit);
    REQUIRE(stream);
    CHECK(stream->spec.type == SOCK_STREAM);
    CHECK(stream->spec.protocol == IPPROTO_TCP);
    CHECK(stream->spec.address.host() == "127.0.0.1");
    CHECK((fcntl(stream->fd.get(), F_GETFD) & FD_CLOEXEC) != 0);
    const auto datagram = examine_socket(bound("::", SOCK_DGRAM, true), "a", Holder::unit);
    REQUIRE(datagram);
    CHECK(datagram->spec.protocol == IPPROTO_UDP);
    CHECK(datagram->spec.dual_stack);
    CHECK_FALSE(examine_socket(bound("::", SOCK_DGRAM), "a", Holder::unit)->spec.dual_stack);
}

TEST_CASE("a socket that a server has connected is known by what it is bound to, and stays so") {
    for (const char* host : {"0.0.0.0", "::"}) {
        // A port that nobody asked for would not stay.
        const auto port =
            static_cast<std::uint16_t>(own_address(bound(host, SOCK_DGRAM).get()).port());
        for (const bool told : {false, true}) {
            Fd fd = bound(host, SOCK_DGRAM, false, port);
            const SocketAddress before = own_address(fd.get());
            const auto peer =
                SocketAddress::parse_ip(before.family() == AF_INET ? "127.0.0.1" : "::1", 9);
            REQUIRE(connect(fd.get(), peer->data(), peer->size()) == 0);
            REQUIRE(own_address(fd.get()) != before);
            const auto found =
                examine_socket(std::move(fd), "a", Holder::nobody, told ? before : SocketAddress());
            REQUIRE(found);
            CHECK(found->spec.address == before);
            CHECK(is_connected(found->fd.get()));
        }
    }
}

TEST_CASE("what cannot be listened on is an error") {
    std::array<int, 2> pair{};
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) == 0);
    for (const int fd : {pair[0], pair[1], open("/dev/null", O_RDONLY | O_CLOEXEC),
                         socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
                         socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0),
                         socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0)}) {
        CHECK_FALSE(examine_socket(Fd(fd), "x", Holder::unit));
    }
}

TEST_CASE("a socket is taken once, and by the very address, type and protocol") {
    InheritedSockets sockets;
    const ListenSpec spec = add(sockets, bound("127.0.0.1", SOCK_STREAM), "x");
    ListenSpec other = spec;
    other.type = SOCK_DGRAM;
    other.protocol = IPPROTO_UDP;
    CHECK_FALSE(sockets.take(other));
    other = spec;
    other.address = SocketAddress::any_v4(static_cast<std::uint16_t>(spec.address.port()));
    CHECK_FALSE(sockets.take(other));
    auto taken = sockets.take(spec);
    REQUIRE(taken);
    CHECK_FALSE(sockets.take(spec));
    sockets.give_back(std::move(*taken));
    CHECK(sockets.take(spec));
}

TEST_CASE("IPV6_V6ONLY matters on all addresses alone") {
    const ListenSpec one{*SocketAddress::parse_ip("::1", 7), SOCK_STREAM, IPPROTO_TCP, false};
    ListenSpec same = one;
    same.dual_stack = true;
    CHECK(is_bound_as(one, same));
    CHECK_FALSE(is_bound_as(tcp(SocketAddress::any_v6(7), true), tcp(SocketAddress::any_v6(7))));
}

TEST_CASE("a name brings its addresses to the line, also after the socket was taken") {
    InheritedSockets sockets;
    const ListenSpec first = add(sockets, bound("127.0.0.1", SOCK_STREAM), "daytime");
    const ListenSpec second = add(sockets, bound("127.0.0.2", SOCK_STREAM), "daytime");
    add(sockets, bound("127.0.0.1", SOCK_DGRAM), "daytime");
    const auto line = service("daytime", {tcp(SocketAddress::any_v4(13))});
    for (int i = 0; i < 2; ++i) {
        const auto changed = sockets.with_their_addresses({service("echo", {tcp({})}), line});
        CHECK(changed[0]->listen == std::vector<ListenSpec>{tcp({})});
        CHECK(changed[1]->listen == std::vector<ListenSpec>{first, second});
        CHECK(sockets.unwanted(changed).size() == 1);
        sockets.take(first);
    }
}

TEST_CASE("the line of an address comes before that of a name") {
    InheritedSockets sockets;
    const ListenSpec spec = add(sockets, bound("127.0.0.1", SOCK_STREAM), "a");
    const auto by_name = service("a", {tcp(SocketAddress::any_v4(1))});
    const auto by_address = service("b", {spec});
    const auto changed = sockets.with_their_addresses({by_name, by_address});
    CHECK(changed[0]->listen == by_name->listen);
    CHECK(changed[1]->listen == by_address->listen);
}

TEST_CASE("one socket for IPv4 and IPv6 serves a line that would open two") {
    InheritedSockets sockets;
    const ListenSpec both = add(sockets, bound("::", SOCK_STREAM, true), "inetd.socket");
    const auto port = static_cast<std::uint16_t>(both.address.port());
    const auto line =
        service("x", {tcp(SocketAddress::any_v4(port)), tcp(SocketAddress::any_v6(port))});
    const auto other = service("y", {tcp(SocketAddress::any_v6(port))});
    CHECK(sockets.with_their_addresses({line})[0]->listen == std::vector<ListenSpec>{both});
    CHECK(sockets.with_their_addresses({other})[0]->listen == other->listen);
}
