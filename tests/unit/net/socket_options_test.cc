#include "net/listener.h"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

using namespace inetd;

namespace {

int option(int fd, int level, int name) {
    int value = -1;
    socklen_t size = sizeof value;
    getsockopt(fd, level, name, &value, &size);
    return value;
}

SocketOptions plenty() {
    SocketOptions options;
    options.keepalive = true;
    options.nodelay = true;
    options.defer_accept = 5;
    options.tos = 0x20;
    return options;
}

ListenSpec any() {
    return {*SocketAddress::parse_ip("127.0.0.1", 0), SOCK_STREAM, IPPROTO_TCP, false};
}

// Adopted from a holder, then changed by a reload.
Listener adopted(Holder holder) {
    auto opened = open_socket(any(), {}, {});
    REQUIRE(opened);
    auto socket = examine_socket(std::move(*opened), "x", holder);
    REQUIRE(socket);
    auto listener = Listener::adopt(*socket, ListenSpec(socket->spec), plenty(), {}, false);
    REQUIRE(listener);
    REQUIRE(listener->apply(any(), plenty()));
    return std::move(*listener);
}

} // namespace

TEST_CASE("options of a socket from the daemon before us are ours to set") {
    const Listener listener = adopted(Holder::store);
    CHECK(option(listener.fd(), SOL_SOCKET, SO_KEEPALIVE) == 1);
    CHECK(option(listener.fd(), IPPROTO_TCP, TCP_NODELAY) == 1);
    CHECK(option(listener.fd(), IPPROTO_TCP, TCP_DEFER_ACCEPT) > 0);
    CHECK(option(listener.fd(), IPPROTO_IP, IP_TOS) == 0x20);
    REQUIRE(listener.apply(any(), {}));
    CHECK(option(listener.fd(), SOL_SOCKET, SO_KEEPALIVE) == 0);
    CHECK(option(listener.fd(), IPPROTO_TCP, TCP_DEFER_ACCEPT) == 0);
    CHECK(option(listener.fd(), IPPROTO_IP, IP_TOS) == 0);
}

TEST_CASE("a socket of a unit keeps the options that the unit says") {
    const Listener listener = adopted(Holder::unit);
    CHECK(option(listener.fd(), SOL_SOCKET, SO_KEEPALIVE) == 0);
    CHECK(option(listener.fd(), IPPROTO_TCP, TCP_NODELAY) == 0);
    CHECK(option(listener.fd(), IPPROTO_TCP, TCP_DEFER_ACCEPT) == 0);
    CHECK(option(listener.fd(), IPPROTO_IP, IP_TOS) == 0);
}
