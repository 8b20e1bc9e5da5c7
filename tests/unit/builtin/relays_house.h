#pragma once

#include "builtin/relays.h"
#include "peers.h"

#include <chrono>
#include <csignal>
#include <memory>
#include <string>
#include <sys/un.h>
#include <utility>
#include <vector>

namespace inetd::test {

// A relay to sockets of this process, and what it reported.
struct RelayHouse {
    // splice(2) raises it, and the daemon blocks it.
    struct NoSignal {
        NoSignal() : before(std::signal(SIGPIPE, SIG_IGN)) {}
        NoSignal(const NoSignal&) = delete;
        NoSignal& operator=(const NoSignal&) = delete;
        ~NoSignal() { (void)std::signal(SIGPIPE, before); }
        void (*before)(int);
    };

    explicit RelayHouse(Relays::Options options = {})
        : relays(loop, options,
                 {.unreachable = [this](const ServiceConfig&, const SocketAddress& target,
                                        int code) { failures.emplace_back(target, code); },
                  .ended = [this](const SessionEnd& end) { ends.push_back(end); }}) {}

    Connection start(std::vector<SocketAddress> targets, Duration idle = std::chrono::minutes(1)) {
        Connection connection = tcp_connection();
        auto config = std::make_shared<ServiceConfig>();
        config->builtin = Builtin::redirect;
        own_terms(*config).idle_timeout =
            std::chrono::duration_cast<std::chrono::milliseconds>(idle);
        own_terms(*config).relay = std::make_shared<const RelayTarget>(
            RelayTarget{.text = "t", .addresses = std::move(targets)});
        relays.start(config, std::move(connection.server), connection.peer, nullptr);
        return connection;
    }

    Fd accepted(const Fd& listener) {
        Fd fd;
        rounds_until(loop, [&] {
            fd.reset(accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
            return static_cast<bool>(fd);
        });
        return fd;
    }

    std::string read(const Fd& fd, std::size_t size) {
        std::string text;
        rounds_until(loop, [&] {
            REQUIRE(read_some(fd, text));
            return text.size() >= size;
        });
        return text;
    }

    NoSignal no_signal;
    EventLoop loop;
    std::vector<std::pair<SocketAddress, int>> failures;
    std::vector<SessionEnd> ends;
    Relays relays;
};

inline Fd listening(int backlog = 16) {
    Fd fd = bound_socket("127.0.0.1", SOCK_STREAM);
    REQUIRE(listen(fd.get(), backlog) == 0);
    return fd;
}

inline Fd listening_unix(int backlog, SocketAddress& address) {
    Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    sockaddr_un unnamed{};
    unnamed.sun_family = AF_UNIX;
    // unix(7): an abstract name of the kernel's choice.
    REQUIRE(bind(fd.get(), reinterpret_cast<const sockaddr*>(&unnamed), sizeof(sa_family_t)) == 0);
    REQUIRE(listen(fd.get(), backlog) == 0);
    address = name_of(fd);
    return fd;
}

// A port of ours where nobody listens.
inline SocketAddress dead_address(Fd& holder) {
    holder = bound_socket("127.0.0.1", SOCK_STREAM);
    return name_of(holder);
}

inline void fill(const Fd& fd) {
    const std::string block(65536, 'x');
    while (send(fd.get(), block.data(), block.size(), MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {
    }
    REQUIRE(errno == EAGAIN);
}

// A relay that is connected, with both its ends.
struct Relayed : RelayHouse {
    explicit Relayed(Duration idle = std::chrono::minutes(1))
        : client(start({name_of(listener)}, idle).client), target(accepted(listener)) {}
    Fd listener = listening();
    Fd client;
    Fd target;
};

} // namespace inetd::test
