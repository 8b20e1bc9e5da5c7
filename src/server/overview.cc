#include "server/overview.h"

#include "config/effective.h"
#include "config/ports.h"
#include "server/state_json.h"

#include <nlohmann/json.hpp>
#include <unistd.h>

namespace inetd::overview {

static json privileges_of(const PrivilegeState& state) {
    json capabilities = json::array();
    for (const PrivilegeState::Capability& one : state.capabilities)
        capabilities.push_back(
            {{"name", one.name}, {"reason", one.reason.empty() ? json() : json(one.reason)}});
    return {{"uid", state.uid},
            {"capabilities", std::move(capabilities)},
            {"no_new_privileges", state.no_new_privileges},
            {"filtered", state.filtered}};
}

json status(const About& about, const State& state, std::size_t running) {
    std::uint64_t accepted = 0;
    std::uint64_t refused = 0;
    bool drained = false;
    json failures = json::array();
    for (const State::Service& service : state.services) {
        accepted += service.started;
        refused += service.refused.total();
        drained = drained || service.condition == Condition::drained;
        for (const State::Socket& socket : service.sockets)
            if (socket.condition == Condition::failed)
                failures.push_back({{"service", service.config->id()},
                                    {"address", socket.address},
                                    {"reason", socket.reason}});
    }
    json last;
    if (about.last_reload)
        last = {{"time", calendar_time(about.last_reload->at)},
                {"applied", about.last_reload->applied},
                {"text", about.last_reload->text}};
    return {{"version", INETD_VERSION},
            {"pid", getpid()},
            {"started", calendar_time(about.started)},
            {"generation", about.generation},
            {"state", about.stopping ? "stopping" : (drained ? "drained" : "running")},
            {"files", about.files},
            {"settings", about.settings.empty() ? json() : json(about.settings)},
            {"last_reload", std::move(last)},
            {"privileges", privileges_of(about.privileges)},
            {"services", state.services.size()},
            {"running", running},
            {"accepted", accepted},
            {"refused", refused},
            {"failures", std::move(failures)}};
}

static json settings_of(const ServiceConfig& config) {
    json all = json::array();
    for (const EffectiveValue& one : effective_values(config))
        all.push_back({{"key", one.key},
                       {"value", one.value.empty() ? json() : json(one.value)},
                       {"origin", one.origin}});
    return all;
}

// Of the service as it is or was: a server keeps the configuration that it was born with.
static json instances(const ServiceConfig& config, const State& state, const Acceptor& acceptor) {
    json all = json::array();
    const std::string id = config.id();
    for (const State::Server& server : state.servers)
        if (server.config->id() == id) all.push_back(state_json::instance(server));
    if (config.builtin == Builtin::none) return all;
    for (const SessionState& session : acceptor.streams().states())
        if (session.service->id() == id)
            all.push_back(state_json::session(session.peer, session.started));
    for (const RelayState& relay : acceptor.relays().states())
        if (relay.service->id() == id)
            all.push_back(state_json::session(relay.peer, relay.started));
    return all;
}

// Where the clients of a service without a socket come in.
static json behind(const State::Service& one, const State& state) {
    json all = json::array();
    if (!one.sockets.empty()) return all;
    for (const State::Service& other : state.services) {
        if (other.config->builtin != Builtin::tcpmux) continue;
        for (const State::Socket& socket : other.sockets)
            if (socket.condition == Condition::listening) all.push_back(socket.address);
    }
    return all;
}

json details(const Service& service, const State& state, const Acceptor& acceptor) {
    const State::Service one = state_of(service, state.at);
    const ServiceConfig& config = *service.config;
    const Program* program = config.program.get();
    return {{"service", state_json::service(one)},
            {"file", config.terms->file},
            {"line", config.line},
            {"wait", config.wait},
            {"user", config.terms->account->user},
            {"program", program != nullptr ? json(program->path) : json()},
            {"arguments", program != nullptr ? json(program->argv) : json::array()},
            {"builtin", program != nullptr ? json() : json(builtin_name(config.builtin))},
            {"sockets", state_json::sockets(one)},
            {"behind", behind(one, state)},
            {"refused_by", state_json::refused_by(one.refused)},
            {"settings", settings_of(config)},
            {"instances", instances(config, state, acceptor)}};
}

static const char* kind_text(Change::Kind kind) {
    if (kind == Change::Kind::added) return "added";
    return kind == Change::Kind::removed ? "removed" : "changed";
}

json changes(const std::vector<Change>& changes) {
    json all = json::array();
    for (const Change& change : changes) {
        json values = json::array();
        for (const Change::Value& value : change.values)
            values.push_back({{"key", value.key},
                              {"before", value.before.empty() ? json() : json(value.before)},
                              {"after", value.after.empty() ? json() : json(value.after)}});
        all.push_back({{"kind", kind_text(change.kind)},
                       {"name", change.config->name},
                       {"protocol", change.config->terms->protocol},
                       {"file", change.config->terms->file},
                       {"line", change.config->line},
                       {"values", std::move(values)}});
    }
    return all;
}

} // namespace inetd::overview
