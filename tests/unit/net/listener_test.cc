#include "net/listener.h"

#include "net/repair.h"

#include <cstdint>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <sys/socket.h>

using namespace inetd;

namespace {

std::unique_ptr<Listener> listener(std::int16_t type, std::uint32_t port = 0) {
    const auto number = static_cast<std::uint16_t>(port);
    const ListenSpec spec{*SocketAddress::parse_ip("127.0.0.1", number), type, 0, false};
    auto opened = Listener::open(spec, {}, {});
    REQUIRE(opened);
    return std::move(*opened);
}

void filter_all(int fd, bool for_good) {
    sock_filter drop{BPF_RET | BPF_K, 0, 0, 0};
    const sock_fprog program{1, &drop};
    REQUIRE(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0);
    const int on = 1;
    if (for_good) REQUIRE(setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &on, sizeof on) == 0);
}

} // namespace

TEST_CASE("what was done to a listening socket is undone and named") {
    const auto stream = listener(SOCK_STREAM);
    CHECK_FALSE(stream->repair({}).needed());
    shutdown(stream->fd(), SHUT_RDWR);
    filter_all(stream->fd(), false);
    const auto repair = stream->repair({});
    CHECK(repair.undone);
    CHECK(repair.text() == "was shut down and filtered by a server");
    CHECK_FALSE(stream->repair({}).needed());

    const auto datagrams = listener(SOCK_DGRAM);
    const SocketAddress nobody = *SocketAddress::parse_ip("127.0.0.1", 9);
    REQUIRE(connect(datagrams->fd(), nobody.data(), nobody.size()) == 0);
    CHECK(datagrams->repair({}).text() == "was connected by a server");
    CHECK_FALSE(is_connected(datagrams->fd()));
}

TEST_CASE("connections of a socket that was shut down more than once work") {
    const SocketAddress here = own_address(listener(SOCK_STREAM)->fd());
    // A port that nobody asked for would not stay.
    const auto stream = listener(SOCK_STREAM, here.port());
    shutdown(stream->fd(), SHUT_RDWR);
    shutdown(stream->fd(), SHUT_RDWR); // answered by ENOTCONN, and yet it is noted
    REQUIRE(stream->repair({}).undone);
    CHECK(own_address(stream->fd()) == here);
    const Fd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(connect(client.get(), here.data(), here.size()) == 0);
    const auto accepted = stream->accept(true);
    REQUIRE(accepted.outcome == Listener::Outcome::accepted);
    CHECK(send(accepted.fd.get(), "x", 1, MSG_NOSIGNAL) == 1);
    CHECK(send(client.get(), "x", 1, MSG_NOSIGNAL) == 1);
    char byte = 0;
    CHECK(recv(accepted.fd.get(), &byte, 1, 0) == 1);
}

TEST_CASE("accepting from a socket that was lent waits for nobody") {
    const auto stream = listener(SOCK_STREAM);
    stream->lend();
    const auto is_blocking = [&] { return (fcntl(stream->fd(), F_GETFL) & O_NONBLOCK) == 0; };
    CHECK(is_blocking());
    CHECK(stream->accept(true).outcome == Listener::Outcome::empty);
    CHECK_FALSE(is_blocking());
    CHECK(stream->accept(true).outcome == Listener::Outcome::empty);
    const SocketAddress here = own_address(stream->fd());
    for (const bool blocks : {false, true}) {
        CAPTURE(blocks);
        const Fd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        REQUIRE(connect(client.get(), here.data(), here.size()) == 0);
        set_blocking(stream->fd(), blocks);
        CHECK(stream->accept(true).outcome == Listener::Outcome::accepted);
        CHECK_FALSE(is_blocking());
    }
}

TEST_CASE("of what cannot be undone there is said why") {
    const auto filtered = listener(SOCK_STREAM);
    filter_all(filtered->fd(), true);
    CHECK_FALSE(filtered->repair({}).undone);
    CHECK(filtered->repair({}).text() == "was filtered by a server (its filter is locked)");

    const auto shut = listener(SOCK_DGRAM);
    shutdown(shut->fd(), SHUT_RDWR);
    CHECK_FALSE(shut->repair({}).undone);
    CHECK(shut->repair({}).text() == "was shut down by a server");
}
