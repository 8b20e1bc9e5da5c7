#include "server/state_json.h"

#include "base/usage.h"
#include "config/keys.h"
#include "net/socket.h"

#include <nlohmann/json.hpp>

namespace inetd::state_json {

static json text_or_null(const std::string& text) {
    return text.empty() ? json() : json(text);
}

json service(const State::Service& service) {
    const ServiceConfig& config = *service.config;
    const bool counted = lacks_effect(Effect::counted, config) == nullptr;
    json addresses = json::array();
    for (const State::Socket& socket : service.sockets)
        addresses.push_back(socket.address);
    return {{"name", config.name},
            {"protocol", config.terms->protocol},
            {"addresses", std::move(addresses)},
            {"state", condition_text(service.condition)},
            {"reason", text_or_null(service.reason)},
            {"running", service.running},
            {"limit", counted ? config.terms->limits.instances : 0},
            {"accepted", service.started},
            {"refused", service.refused.total()},
            {"last_use", service.last_use ? json(calendar_time(*service.last_use)) : json()},
            {"pids", nullptr}};
}

json sockets(const State::Service& service) {
    json all = json::array();
    for (const State::Socket& socket : service.sockets)
        all.push_back({{"address", socket.address},
                       {"type", socket_type_name(socket.type)},
                       {"state", condition_text(socket.condition)},
                       {"reason", text_or_null(socket.reason)},
                       {"server", socket.server != 0 ? json(socket.server) : json()}});
    return all;
}

json refused_by(const RefusalCounts& counts) {
    json all = json::object();
    for (std::size_t i = 0; i < kRefusals; ++i) {
        const auto refusal = static_cast<Refusal>(i);
        if (counts.of(refusal) != 0) all[refusal_key(refusal)] = counts.of(refusal);
    }
    return all;
}

json peer(const SocketAddress& peer) {
    return peer.family() == AF_UNSPEC ? json() : json(peer.unmapped().to_string());
}

json instance(const State::Server& server) {
    json item{{"pid", server.pid},
              {"peer", peer(server.peer)},
              {"started", calendar_time(server.started)},
              {"cpu", nullptr},
              {"memory", nullptr}};
    if (const auto usage = usage_of(server.pid)) {
        item["cpu"] = usage->cpu;
        item["memory"] = usage->memory;
    }
    return item;
}

json session(const SocketAddress& client, TimePoint started) {
    return {{"pid", nullptr},
            {"peer", peer(client)},
            {"started", calendar_time(started)},
            {"cpu", nullptr},
            {"memory", nullptr}};
}

static const char* level_text(log::Level level) {
    switch (level) {
    case log::Level::error:
        return "error";
    case log::Level::warning:
        return "warning";
    case log::Level::notice:
        return "notice";
    case log::Level::info:
        return "info";
    case log::Level::debug:
        break;
    }
    return "debug";
}

json log_line(const log::Recent::Line& line) {
    using namespace std::chrono;
    const auto at = duration_cast<milliseconds>(line.at.time_since_epoch()).count();
    return {{"time", static_cast<double>(at) / 1000},
            {"level", level_text(line.level)},
            {"service", text_or_null(line.service)},
            {"text", line.text}};
}

json diagnostics(const Diagnostics& diagnostics) {
    json all = json::array();
    for (const Diagnostic& one : diagnostics) {
        const bool error = one.severity == Diagnostic::Severity::error;
        all.push_back({{"severity", error ? "error" : "warning"},
                       {"file", one.file},
                       {"line", one.line},
                       {"column", one.column},
                       {"text", one.text},
                       {"source", one.source},
                       {"hint", one.hint}});
    }
    return all;
}

} // namespace inetd::state_json
