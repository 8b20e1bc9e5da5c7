#include "server/state_text.h"

#include "config/rate.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <fmt/format.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace inetd {

static std::string wall_time(std::time_t time) {
    tm local{};
    char text[64];
    const std::size_t size =
        std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S %z", localtime_r(&time, &local));
    return {text, size};
}

static std::string parked_text(const Endpoint& endpoint, TimePoint now) {
    const Service& service = *endpoint.service;
    const Limits& limits = service.config->limits;
    const Gate::Room room = service.gate->room(limits, now);
    if (room.full) return fmt::format("all {} instances run", limits.instances);
    if (room.rate != Duration::zero())
        return fmt::format("the rate of {} is reached", rate_text(limits.rate));
    if (endpoint.death_backoff.active()) return "its server ended without taking what came in";
    return "there was no descriptor or memory for a client";
}

static std::string endpoint_text(const Endpoint& endpoint, TimePoint now) {
    if (!endpoint.listener) return "failed, tried again soon: " + endpoint.failure;
    if (endpoint.lent_to != 0) return fmt::format("lent to server {}", endpoint.lent_to);
    if (endpoint.watch) return "listening";
    return "parked: " + parked_text(endpoint, now);
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

static std::string service_text(const Service& service, TimePoint now) {
    const ServiceConfig& config = *service.config;
    const Gate& gate = *service.gate;
    const auto limit = config.limits.instances;
    std::string text = fmt::format("\n{} ({}:{})\n  {} running{}, {} started, {}\n", config.id(),
                                   config.file, config.line, gate.running(),
                                   limit != 0 ? fmt::format(" of at most {}", limit) : "",
                                   gate.started(), refused_text(gate.refused()));
    for (const auto& endpoint : service.endpoints)
        text += fmt::format("  {}: {}\n", endpoint->spec().address.to_string(),
                            endpoint_text(*endpoint, now));
    return text;
}

static std::string servers_text(const Launcher& launcher, TimePoint now) {
    std::vector<std::pair<pid_t, const Launcher::Child*>> children;
    for (const auto& [pid, child] : launcher.children())
        children.emplace_back(pid, &child);
    std::sort(children.begin(), children.end(),
              [](const auto& a, const auto& b) { return a.second->started < b.second->started; });
    std::string text = children.empty() ? "" : "\nservers\n";
    for (const auto& [pid, child] : children) {
        const auto age = std::chrono::duration_cast<std::chrono::seconds>(now - child->started);
        const bool has_peer = child->peer.family() != AF_UNSPEC;
        text += fmt::format("  {} {}: {}, since {}\n", pid, child->config->id(),
                            has_peer ? child->peer.unmapped().to_string() : "wait",
                            wall_time(std::time(nullptr) - age.count()));
    }
    return text;
}

std::string state_text(const std::string& headline, const Roster& roster, const Launcher& launcher,
                       TimePoint now) {
    std::string text =
        fmt::format("inetd {}, {}: {}\n", INETD_VERSION, wall_time(std::time(nullptr)), headline);
    for (const auto& service : roster.services())
        text += service_text(*service, now);
    return text + servers_text(launcher, now);
}

} // namespace inetd
