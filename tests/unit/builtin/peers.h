#pragma once

#include "../own_terms.h"
#include "base/address.h"
#include "base/fd.h"
#include "config/model.h"
#include "event/loop.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <doctest/doctest.h>
#include <memory>
#include <optional>
#include <string>
#include <sys/socket.h>

// Both ends of connections to a built-in service, all of them non-blocking and in one process.
namespace inetd::test {

struct Connection {
    Fd client;
    Fd server;
    SocketAddress peer; // the client's address
};

inline void set_option(const Fd& fd, int option, int value) {
    REQUIRE(setsockopt(fd.get(), SOL_SOCKET, option, &value, sizeof value) == 0);
}

inline SocketAddress name_of(const Fd& fd) {
    const auto address = SocketAddress::bound_to(fd.get());
    REQUIRE(address);
    return *address;
}

// Bound to a numeric address and a port of the kernel's choice.
inline Fd bound_socket(const char* host, int type, std::uint16_t port = 0) {
    const auto address = SocketAddress::parse_ip(host, port);
    REQUIRE(address);
    Fd fd(socket(address->family(), type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    REQUIRE(fd);
    REQUIRE(bind(fd.get(), address->data(), address->size()) == 0);
    return fd;
}

inline Connection unix_connection(int type = SOCK_STREAM) {
    std::array<int, 2> fds{};
    REQUIRE(socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds.data()) == 0);
    Connection connection{Fd(fds[0]), Fd(fds[1]), {}};
    connection.peer = name_of(connection.client);
    return connection;
}

// `buffer`: of the client's receiving and the server's sending; 0 leaves them to the kernel.
inline Connection tcp_connection(int buffer = 0) {
    const Fd listener = bound_socket("127.0.0.1", SOCK_STREAM);
    REQUIRE(listen(listener.get(), 1) == 0);
    const SocketAddress address = name_of(listener);
    Connection connection;
    connection.client.reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (buffer > 0) set_option(connection.client, SO_RCVBUF, buffer);
    REQUIRE(connect(connection.client.get(), address.data(), address.size()) == 0);
    connection.server.reset(accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK));
    REQUIRE(connection.server);
    if (buffer > 0) set_option(connection.server, SO_SNDBUF, buffer);
    connection.peer = name_of(connection.client);
    return connection;
}

inline ServiceConfigPtr
service_of(Builtin builtin, std::chrono::milliseconds idle_timeout = std::chrono::minutes(1)) {
    auto config = std::make_shared<ServiceConfig>();
    own_terms(*config).idle_timeout = idle_timeout;
    config->builtin = builtin;
    return config;
}

// Rounds until `done`; a client that the loop does not watch is looked at once a millisecond.
template<typename Done>
void rounds_until(EventLoop& loop, Done done) {
    const TimePoint late = Clock::now() + std::chrono::minutes(1);
    while (!done()) {
        REQUIRE(Clock::now() < late);
        loop.round(std::chrono::milliseconds(1));
    }
}

// Adds what is there to `text`; false at the end of the stream.
inline bool read_some(const Fd& fd, std::string& text, std::size_t most = 65536) {
    std::string bytes(most, '\0');
    const ssize_t got = recv(fd.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (got < 0) REQUIRE(errno == EAGAIN);
    if (got > 0) text.append(bytes, 0, static_cast<std::size_t>(got));
    return got != 0;
}

inline std::string read_to_end(EventLoop& loop, const Fd& fd) {
    std::string text;
    rounds_until(loop, [&] { return !read_some(fd, text); });
    return text;
}

inline void say(const Fd& fd, std::string_view text) {
    REQUIRE(send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(text.size()));
}

// Bytes without a period that a lost or doubled block could hide behind.
inline std::string noise(std::size_t size) {
    std::string text(size, '\0');
    std::uint32_t state = 1;
    for (char& c : text) {
        state = state * 1664525 + 1013904223;
        c = static_cast<char>(state >> 24);
    }
    return text;
}

} // namespace inetd::test
