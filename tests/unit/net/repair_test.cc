#include "net/repair.h"

#include "base/address.h"
#include "base/fd.h"
#include "net/socket.h"

#include <cstdint>
#include <doctest/doctest.h>
#include <linux/filter.h>
#include <sys/socket.h>

using namespace inetd;

namespace {

Fd bound(int type, const char* host = "127.0.0.1", std::uint16_t port = 0) {
    const auto address = SocketAddress::parse_ip(host, port);
    Fd fd(socket(address->family(), type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    REQUIRE(fd);
    REQUIRE(bind(fd.get(), address->data(), address->size()) == 0);
    return fd;
}

bool receives(const Fd& from, const SocketAddress& to, const Fd& at) {
    REQUIRE(sendto(from.get(), "x", 1, 0, to.data(), to.size()) == 1);
    char byte = 0;
    return recv(at.get(), &byte, 1, MSG_DONTWAIT) == 1;
}

void filter_all(const Fd& fd) {
    sock_filter drop{BPF_RET | BPF_K, 0, 0, 0};
    const sock_fprog program{1, &drop};
    REQUIRE(setsockopt(fd.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0);
}

} // namespace

TEST_CASE("a socket that was shut down is told from one that was not") {
    const Fd stream = bound(SOCK_STREAM);
    REQUIRE(listen(stream.get(), 5) == 0);
    CHECK(!is_shut_down(stream.get()));
    shutdown(stream.get(), SHUT_RD);
    CHECK(is_shut_down(stream.get()));
    // Linux lets it listen again where it was bound.
    REQUIRE(listen(stream.get(), 5) == 0);
    CHECK(!is_shut_down(stream.get()));

    const Fd datagrams = bound(SOCK_DGRAM);
    CHECK(!is_shut_down(datagrams.get()));
    CHECK(shutdown(datagrams.get(), SHUT_RD) != 0); // and yet it is
    CHECK(is_shut_down(datagrams.get()));
}

TEST_CASE("a connected socket of datagrams is everybody's again, where it was bound") {
    for (const char* host : {"0.0.0.0", "::"}) {
        // A port that nobody asked for would not stay.
        const auto port =
            static_cast<std::uint16_t>(own_address(bound(SOCK_DGRAM, host).get()).port());
        const Fd server = bound(SOCK_DGRAM, host, port);
        const char* loopback = own_address(server.get()).family() == AF_INET ? "127.0.0.1" : "::1";
        const auto there = SocketAddress::parse_ip(loopback, port);
        const Fd friendly = bound(SOCK_DGRAM, loopback);
        const Fd stranger = bound(SOCK_DGRAM, loopback);
        CHECK(!is_connected(server.get()));
        const SocketAddress peer = own_address(friendly.get());
        const SocketAddress before = own_address(server.get());
        REQUIRE(connect(server.get(), peer.data(), peer.size()) == 0);
        CHECK(is_connected(server.get()));
        CHECK(!receives(stranger, *there, server));
        REQUIRE(disconnect(server.get()));
        CHECK(!is_connected(server.get()));
        CHECK(own_address(server.get()) == before);
        CHECK(receives(stranger, *there, server));
    }
}

TEST_CASE("a filter is taken away, unless it is locked") {
    const Fd server = bound(SOCK_DGRAM);
    const Fd client = bound(SOCK_DGRAM);
    CHECK(remove_filter(server.get()) == FilterState::none);
    filter_all(server);
    CHECK(!receives(client, own_address(server.get()), server));
    CHECK(remove_filter(server.get()) == FilterState::removed);
    CHECK(receives(client, own_address(server.get()), server));
    filter_all(server);
    const int on = 1;
    REQUIRE(setsockopt(server.get(), SOL_SOCKET, SO_LOCK_FILTER, &on, sizeof on) == 0);
    CHECK(remove_filter(server.get()) == FilterState::locked);
}
