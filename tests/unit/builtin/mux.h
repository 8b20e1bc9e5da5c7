#pragma once

#include "builtin/tcpmux.h"
#include "parsing.h"
#include "peers.h"

#include <chrono>
#include <vector>

namespace inetd::test {

// tcpmux with the services Finger and x behind it.
struct Mux {
    EventLoop loop;
    Parser parser{loop};
    std::vector<MuxEnd> ends;
    Fd served; // what serve() took
    std::string_view refusal;
    std::shared_ptr<ServiceConfig> config = std::make_shared<ServiceConfig>();
    std::unique_ptr<MuxSessions> sessions;

    explicit Mux(Duration line_timeout = std::chrono::minutes(1)) {
        config->builtin = Builtin::tcpmux;
        MuxSessions::Handlers handlers;
        handlers.names = [] { return std::vector<std::string>{"Finger", "x"}; };
        handlers.serve = [this](Fd& fd, const SocketAddress&, const std::string&,
                                std::shared_ptr<void>& lease, const ServiceConfigPtr&) {
            if (!refusal.empty()) return refusal;
            served = std::move(fd);
            lease.reset();
            return std::string_view();
        };
        handlers.ended = [this](const MuxEnd& end) { ends.push_back(end); };
        sessions =
            std::make_unique<MuxSessions>(loop, parser.asker(), line_timeout, std::move(handlers));
    }
    void start(Connection& connection, std::shared_ptr<void> lease = nullptr) {
        sessions->start(config, std::move(connection.server), connection.peer, std::move(lease));
    }
    void rounds_until_end() {
        rounds_until(loop, [this] { return !ends.empty(); });
    }
};

} // namespace inetd::test
