#pragma once

#include "builtin/sessions.h"
#include "peers.h"

#include <chrono>
#include <memory>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace inetd::test {

// Sessions in a loop of their own, and how they have ended. A lease is given up with its session.
struct House {
    EventLoop loop;
    Sessions sessions;
    std::vector<SessionEnd> ends;
    std::chrono::milliseconds idle;

    explicit House(std::chrono::milliseconds idle_timeout = std::chrono::minutes(1))
        : sessions(loop), idle(idle_timeout) {
        sessions.on_end([this](const SessionEnd& end) {
            ends.push_back(end);
            ends.back().lease.reset();
        });
    }
    void start(Builtin builtin, Connection& connection, std::shared_ptr<void> lease = nullptr) {
        start(builtin, idle, connection, std::move(lease));
    }
    void start(Builtin builtin, std::chrono::milliseconds limit, Connection& connection,
               std::shared_ptr<void> lease = nullptr) {
        sessions.start(service_of(builtin, limit), std::move(connection.server), connection.peer,
                       std::move(lease));
    }
    void rounds_until_end() {
        rounds_until(loop, [this] { return !ends.empty(); });
    }
};

// Of TCP or of a unix socket, in a subcase each.
inline Connection either_stream() {
    Connection connection;
    SUBCASE("tcp") {
        connection = tcp_connection();
    }
    SUBCASE("unix") {
        connection = unix_connection();
    }
    return connection;
}

inline void send_all(House& house, const Fd& fd, std::string_view text) {
    rounds_until(house.loop, [&] {
        const ssize_t sent = send(fd.get(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent > 0) text.remove_prefix(static_cast<std::size_t>(sent));
        return text.empty();
    });
}

// As an exec leaves them: the descriptors are there, everything else is gone.
inline std::vector<SessionState> states_for_another(const Sessions& sessions) {
    std::vector<SessionState> states = sessions.states();
    for (SessionState& state : states)
        state.fd = dup(state.fd);
    return states;
}

} // namespace inetd::test
