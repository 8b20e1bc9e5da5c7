#include "net/first_datagram.h"

#include "base/fd.h"
#include "net/socket.h"

#include <array>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>

using namespace inetd;

namespace {

// Blocking, as while a server has it.
Fd bound(int family) {
    Fd fd(socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    REQUIRE(fd);
    if (family == AF_UNIX) { // unix(7): the kernel gives it a name
        const sockaddr address{.sa_family = AF_UNIX, .sa_data = {}};
        REQUIRE(bind(fd.get(), &address, sizeof address.sa_family) == 0);
    } else {
        const auto address = SocketAddress::parse_ip(family == AF_INET ? "127.0.0.1" : "::1", 0);
        REQUIRE(bind(fd.get(), address->data(), address->size()) == 0);
    }
    return fd;
}

void send_to(const Fd& from, const Fd& to, const std::string& text) {
    const SocketAddress address = own_address(to.get());
    REQUIRE(sendto(from.get(), text.data(), text.size(), 0, address.data(), address.size()) ==
            static_cast<ssize_t>(text.size()));
}

std::string received(const Fd& fd) {
    std::array<char, 64> text{};
    const ssize_t got = recv(fd.get(), text.data(), text.size(), MSG_DONTWAIT);
    return got < 0 ? "nothing" : std::string(text.data(), static_cast<std::size_t>(got));
}

} // namespace

TEST_CASE("first datagram: its sender is seen, and it alone is thrown away") {
    for (const int family : {AF_INET, AF_INET6, AF_UNIX}) {
        const Fd socket = bound(family);
        const Fd one = bound(family);
        const Fd two = bound(family);
        CHECK_FALSE(first_sender(socket.get()));
        drop_first_datagram(socket.get());
        send_to(one, socket, "");
        send_to(one, socket, "first");
        send_to(two, socket, "second");
        CHECK(first_sender(socket.get()) == own_address(one.get()));
        CHECK(first_sender(socket.get()) == own_address(one.get()));
        drop_first_datagram(socket.get());
        CHECK(first_sender(socket.get()) == own_address(one.get()));
        drop_first_datagram(socket.get());
        CHECK(first_sender(socket.get()) == own_address(two.get()));
        CHECK(received(socket) == "second");
        CHECK_FALSE(first_sender(socket.get()));
    }
}

TEST_CASE("first datagram: a sender without a name") {
    const Fd socket = bound(AF_UNIX);
    const Fd nameless(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    send_to(nameless, socket, "x");
    const auto sender = first_sender(socket.get());
    REQUIRE(sender);
    CHECK(sender->host().empty());
}

TEST_CASE("first datagram: an error of an earlier one does not hide it") {
    const Fd socket = bound(AF_INET);
    const int on = 1;
    REQUIRE(setsockopt(socket.get(), IPPROTO_IP, IP_RECVERR, &on, sizeof on) == 0);
    Fd gone = bound(AF_INET);
    const SocketAddress nobody = own_address(gone.get());
    gone.reset();
    REQUIRE(sendto(socket.get(), "x", 1, 0, nobody.data(), nobody.size()) == 1);
    const Fd one = bound(AF_INET);
    send_to(one, socket, "x");
    CHECK(first_sender(socket.get()) == own_address(one.get()));
}
