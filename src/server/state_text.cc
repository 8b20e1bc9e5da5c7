#include "server/state_text.h"

#include <chrono>
#include <ctime>
#include <fmt/core.h>

namespace inetd {

static std::string wall_time(std::time_t time) {
    tm local{};
    char text[64];
    const std::size_t size =
        std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S %z", localtime_r(&time, &local));
    return {text, size};
}

static std::string socket_text(const State::Socket& socket) {
    switch (socket.condition) {
    case Condition::failed:
        return "failed, tried again soon: " + socket.reason;
    case Condition::lent:
        return fmt::format("lent to server {}", socket.server);
    case Condition::paused:
        return "paused, clients wait";
    case Condition::drained:
        return "drained, clients wait";
    case Condition::disabled:
        return "disabled until the next reload";
    case Condition::parked:
        return "parked: " + socket.reason;
    default:
        return "listening";
    }
}

// "5 refused: 3 by instances, 2 by sensor"
static std::string refused_text(const RefusalCounts& counts) {
    std::string text = fmt::format("{} refused", counts.total());
    const char* before = ": ";
    for (std::size_t i = 0; i < kRefusals; ++i) {
        const auto refusal = static_cast<Refusal>(i);
        if (counts.of(refusal) == 0) continue;
        text += fmt::format("{}{} by {}", before, counts.of(refusal), refusal_key(refusal));
        before = ", ";
    }
    return text;
}

static std::string service_text(const State::Service& service) {
    const ServiceConfig& config = *service.config;
    const auto limit = config.terms->limits.instances;
    std::string text = fmt::format("\n{} ({}:{})\n  {} running{}, {} started, {}\n", config.id(),
                                   config.terms->file, config.line, service.running,
                                   limit != 0 ? fmt::format(" of at most {}", limit) : "",
                                   service.started, refused_text(service.refused));
    for (const State::Socket& socket : service.sockets)
        text += fmt::format("  {}: {}\n", socket.address, socket_text(socket));
    return text;
}

static std::string servers_text(const State& state) {
    std::string text = state.servers.empty() ? "" : "\nservers\n";
    for (const State::Server& server : state.servers) {
        const auto age =
            std::chrono::duration_cast<std::chrono::seconds>(state.at - server.started);
        const bool has_peer = server.peer.family() != AF_UNSPEC;
        text += fmt::format("  {} {}: {}, since {}\n", server.pid, server.config->id(),
                            has_peer ? server.peer.unmapped().to_string() : "wait",
                            wall_time(std::time(nullptr) - age.count()));
    }
    return text;
}

std::string state_text(const std::string& headline, const State& state) {
    std::string text =
        fmt::format("inetd {}, {}: {}\n", INETD_VERSION, wall_time(std::time(nullptr)), headline);
    for (const State::Service& service : state.services)
        text += service_text(service);
    return text + servers_text(state);
}

} // namespace inetd
