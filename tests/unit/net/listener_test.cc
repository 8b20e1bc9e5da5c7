#include "net/listener.h"

#include "net/repair.h"

#include <cstdint>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <sys/socket.h>

using namespace inetd;

namespace {

ListenSpec spec(std::int16_t type, std::uint32_t port = 0) {
    const auto number = static_cast<std::uint16_t>(port);
    return {*SocketAddress::parse_ip("127.0.0.1", number), type, 0, false};
}

Listener listener(std::int16_t type, std::uint32_t port = 0) {
    auto opened = Listener::open(spec(type, port), {}, {});
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
    const Listener stream = listener(SOCK_STREAM);
    CHECK_FALSE(stream.repair(spec(SOCK_STREAM), {}).needed());
    shutdown(stream.fd(), SHUT_RDWR);
    filter_all(stream.fd(), false);
    const auto repair = stream.repair(spec(SOCK_STREAM), {});
    CHECK(repair.undone);
    CHECK(repair.text() == "was shut down and filtered by a server");
    CHECK_FALSE(stream.repair(spec(SOCK_STREAM), {}).needed());

    const Listener datagrams = listener(SOCK_DGRAM);
    const SocketAddress nobody = *SocketAddress::parse_ip("127.0.0.1", 9);
    REQUIRE(connect(datagrams.fd(), nobody.data(), nobody.size()) == 0);
    CHECK(datagrams.repair(spec(SOCK_DGRAM), {}).text() == "was connected by a server");
    CHECK_FALSE(is_connected(datagrams.fd()));
}

TEST_CASE("connections of a socket that was shut down more than once work") {
    const SocketAddress here = own_address(listener(SOCK_STREAM).fd());
    // A port that nobody asked for would not stay.
    const Listener stream = listener(SOCK_STREAM, here.port());
    shutdown(stream.fd(), SHUT_RDWR);
    shutdown(stream.fd(), SHUT_RDWR); // answered by ENOTCONN, and yet it is noted
    REQUIRE(stream.repair(spec(SOCK_STREAM), {}).undone);
    CHECK(own_address(stream.fd()) == here);
    const Fd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(connect(client.get(), here.data(), here.size()) == 0);
    const auto accepted = stream.accept(true);
    REQUIRE(accepted.outcome == Listener::Outcome::accepted);
    CHECK(send(accepted.fd.get(), "x", 1, MSG_NOSIGNAL) == 1);
    CHECK(send(client.get(), "x", 1, MSG_NOSIGNAL) == 1);
    char byte = 0;
    CHECK(recv(accepted.fd.get(), &byte, 1, 0) == 1);
}

TEST_CASE("whether somebody waits can be asked without taking him") {
    const Listener stream = listener(SOCK_STREAM);
    CHECK_FALSE(stream.has_client());
    const SocketAddress here = own_address(stream.fd());
    const Fd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(connect(client.get(), here.data(), here.size()) == 0);
    CHECK(stream.has_client());
    REQUIRE(stream.accept(true).outcome == Listener::Outcome::accepted);
    CHECK_FALSE(stream.has_client());
}

TEST_CASE("accepting from a socket that was lent waits for nobody") {
    Listener stream = listener(SOCK_STREAM);
    stream.lend();
    const auto is_blocking = [&] { return (fcntl(stream.fd(), F_GETFL) & O_NONBLOCK) == 0; };
    CHECK(is_blocking());
    CHECK(stream.accept(true).outcome == Listener::Outcome::empty);
    CHECK_FALSE(is_blocking());
    CHECK(stream.accept(true).outcome == Listener::Outcome::empty);
    const SocketAddress here = own_address(stream.fd());
    for (const bool blocks : {false, true}) {
        CAPTURE(blocks);
        const Fd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        REQUIRE(connect(client.get(), here.data(), here.size()) == 0);
        set_blocking(stream.fd(), blocks);
        CHECK(stream.accept(true).outcome == Listener::Outcome::accepted);
        CHECK_FALSE(is_blocking());
    }
}

TEST_CASE("of what cannot be undone there is said why") {
    const Listener filtered = listener(SOCK_STREAM);
    filter_all(filtered.fd(), true);
    CHECK_FALSE(filtered.repair(spec(SOCK_STREAM), {}).undone);
    CHECK(filtered.repair(spec(SOCK_STREAM), {}).text() ==
          "was filtered by a server (its filter is locked)");

    const Listener shut = listener(SOCK_DGRAM);
    shutdown(shut.fd(), SHUT_RDWR);
    CHECK_FALSE(shut.repair(spec(SOCK_DGRAM), {}).undone);
    CHECK(shut.repair(spec(SOCK_DGRAM), {}).text() == "was shut down by a server");
}

TEST_CASE("a socket's file goes with it, unless it is left or another's by then") {
    const std::string path = "/tmp/inetd-listener-" + std::to_string(getpid());
    const ListenSpec here{*SocketAddress::unix_path(path), SOCK_STREAM, 0, false};
    const auto exists = [&] { return access(path.c_str(), F_OK) == 0; };
    {
        auto opened = Listener::open(here, {}, {});
        REQUIRE(opened);
        Listener moved = std::move(*opened);
        CHECK_FALSE(static_cast<bool>(*opened));
        CHECK(moved);
        opened = Listener();
        CHECK(exists());
        moved = Listener();
        CHECK_FALSE(exists());
    }
    {
        auto first = Listener::open(here, {}, {});
        REQUIRE(first);
        REQUIRE(unlink(path.c_str()) == 0);
        auto second = Listener::open(here, {}, {});
        REQUIRE(second);
        *first = Listener();
        CHECK(exists());
        const Fd released = second->release();
        CHECK(released);
        CHECK_FALSE(static_cast<bool>(*second));
    }
    CHECK(exists());
    unlink(path.c_str());
}
