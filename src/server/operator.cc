#include "server/operator.h"

#include "config/ports.h"
#include "control/descriptions.h"
#include "log/log.h"
#include "server/state_json.h"

#include <algorithm>
#include <cerrno>
#include <csignal>

namespace inetd {

using control::Json;

static constexpr control::Product kProduct{
    .vendor = "inetd", .product = "inetd", .version = INETD_VERSION, .url = ""};

Operator::Operator(EventLoop& loop, Roster& roster, Launcher& launcher, const Acceptor& acceptor,
                   Hooks hooks)
    : loop_(loop),
      roster_(roster),
      launcher_(launcher),
      acceptor_(acceptor),
      hooks_(std::move(hooks)),
      kills_(loop, launcher),
      server_(loop, make_dispatcher()) {}

control::Dispatcher Operator::make_dispatcher() {
    using enum control::Access;
    const auto changing = [this](std::string_view name, auto run) {
        return control::Method{name, change,
                               [this, run](Parameters& parameters, const Responder& responder) {
                                   (this->*run)(parameters, responder);
                               }};
    };
    const auto reading = [&](std::string_view name, auto run) {
        control::Method method = changing(name, run);
        method.access = read;
        return method;
    };
    return {kProduct,
            control::kControl,
            control::kControlDescription,
            {reading("GetStatus", &Operator::status), reading("List", &Operator::list),
             reading("Show", &Operator::show), changing("Reload", &Operator::reload),
             changing("Pause", &Operator::pause), changing("Resume", &Operator::resume),
             changing("Kill", &Operator::kill)}};
}

void Operator::listen(const DaemonSettings& settings) {
    const control::Place place{.path = settings.control == "none" ? "" : settings.control,
                               .mode = settings.control_mode,
                               .group = settings.control_group};
    const auto listening = server_.listen(place);
    if (listening) return;
    if (listening.error().code == EADDRINUSE)
        return log::warning("control: {} is another daemon's; this one can be asked for nothing",
                            place.path);
    log::error("control: {}", listening.error().text());
}

void Operator::status(Parameters& parameters, const Responder& responder) const {
    parameters.done();
    const About about = hooks_.about();
    const State state = take_state(roster_, launcher_, loop_.now());
    std::uint64_t accepted = 0;
    std::uint64_t refused = 0;
    bool drained = false;
    Json failures = Json::array();
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
    Json last;
    if (about.last_reload)
        last = {{"time", calendar_time(about.last_reload->at)},
                {"applied", about.last_reload->applied},
                {"text", about.last_reload->text}};
    responder.reply({{"version", INETD_VERSION},
                     {"pid", getpid()},
                     {"started", calendar_time(about.started)},
                     {"generation", about.generation},
                     {"state", about.stopping ? "stopping" : (drained ? "drained" : "running")},
                     {"files", about.files},
                     {"settings", about.settings.empty() ? Json() : Json(about.settings)},
                     {"last_reload", std::move(last)},
                     {"services", state.services.size()},
                     {"running", launcher_.running() + acceptor_.sessions()},
                     {"accepted", accepted},
                     {"refused", refused},
                     {"failures", std::move(failures)}});
}

void Operator::list(Parameters& parameters, const Responder& responder) const {
    parameters.done();
    Json services = Json::array();
    for (const auto& service : roster_.services())
        services.push_back(state_json::service(state_of(*service, loop_.now())));
    responder.reply({{"services", std::move(services)}});
}

std::vector<Service*> Operator::find(const std::vector<std::string>& names,
                                     const Responder& responder) const {
    std::vector<Service*> found;
    for (const std::string& name : names) {
        const std::size_t before = found.size();
        for (const auto& service : roster_.services())
            if (service->name() == name || service->config->id() == name)
                found.push_back(service.get());
        if (found.size() != before) continue;
        responder.fail(control::kNoSuchService, {{"name", name}});
        return {};
    }
    return found;
}

void Operator::show(Parameters& parameters, const Responder& responder) const {
    const std::string name = parameters.required_text("name");
    parameters.done();
    const auto services = find({name}, responder);
    if (services.empty()) return;
    Json all = Json::array();
    for (const Service* service : services)
        all.push_back(details(*service));
    responder.reply({{"services", std::move(all)}});
}

Json Operator::details(const Service& service) const {
    const State::Service state = state_of(service, loop_.now());
    const ServiceConfig& config = *service.config;
    const Program* program = config.program.get();
    return {{"service", state_json::service(state)},
            {"file", config.file},
            {"line", config.line},
            {"wait", config.wait},
            {"user", config.account->user},
            {"program", program != nullptr ? Json(program->path) : Json()},
            {"arguments", program != nullptr ? Json(program->argv) : Json::array()},
            {"builtin", program != nullptr ? Json() : Json(builtin_name(config.builtin))},
            {"sockets", state_json::sockets(state)},
            {"refused_by", state_json::refused_by(state.refused)},
            {"settings", Json::array()},
            {"instances", instances(config)}};
}

// Of the service as it is or was: a server keeps the configuration that it was born with.
Json Operator::instances(const ServiceConfig& config) const {
    Json all = Json::array();
    const std::string id = config.id();
    for (const State::Server& server : take_state(roster_, launcher_, loop_.now()).servers)
        if (server.config->id() == id) all.push_back(state_json::instance(server));
    if (config.builtin == Builtin::none) return all;
    for (const SessionState& session : acceptor_.streams().states())
        if (session.service->id() == id)
            all.push_back(state_json::session(session.peer, session.started));
    for (const RelayState& relay : acceptor_.relays().states())
        if (relay.service->id() == id)
            all.push_back(state_json::session(relay.peer, relay.started));
    return all;
}

void Operator::reload(Parameters& parameters, const Responder& responder) const {
    parameters.done();
    if (hooks_.about().stopping)
        return responder.fail(control::kNotNow, {{"reason", "the daemon is stopping"}});
    const ReloadResult result = hooks_.reload();
    responder.reply({{"applied", result.applied},
                     {"added", result.added},
                     {"removed", result.removed},
                     {"updated", result.updated},
                     {"unchanged", result.unchanged},
                     {"diagnostics", state_json::diagnostics(result.diagnostics)}});
}

void Operator::hold(const std::vector<Service*>& services, Hold hold, const Responder& responder) {
    Json outcomes = Json::array();
    for (Service* service : services) {
        if (service->hold != hold) {
            roster_.hold(*service, hold);
            log::notice({.service = service->name()}, "{}: {}", service->name(),
                        hold == Hold::none ? "goes on" : "paused");
        }
        const State::Service state = state_of(*service, loop_.now());
        outcomes.push_back({{"name", service->name()},
                            {"protocol", service->config->protocol},
                            {"state", condition_text(state.condition)}});
    }
    responder.reply({{"services", std::move(outcomes)}});
}

void Operator::pause(Parameters& parameters, const Responder& responder) {
    const auto names = parameters.texts("names");
    parameters.done();
    if (!names || names->empty()) throw control::InvalidParameter{"names"};
    auto services = find(*names, responder);
    if (services.empty()) return;
    hold(services, Hold::paused, responder);
}

void Operator::resume(Parameters& parameters, const Responder& responder) {
    const auto names = parameters.texts("names");
    parameters.done();
    std::vector<Service*> services;
    if (names && !names->empty()) {
        services = find(*names, responder);
        if (services.empty()) return;
    } else {
        for (const auto& service : roster_.services())
            if (service->hold != Hold::none) services.push_back(service.get());
    }
    hold(services, Hold::none, responder);
}

void Operator::kill(Parameters& parameters, const Responder& responder) {
    const auto name = parameters.text("name");
    const auto pid = parameters.number("pid", 1, INT32_MAX);
    const auto signal = parameters.number("signal", 1, SIGRTMAX);
    parameters.done();
    if (name.has_value() == pid.has_value()) throw control::InvalidParameter{"name"};
    std::vector<pid_t> pids;
    if (pid) {
        if (!launcher_.has(static_cast<pid_t>(*pid)))
            return responder.fail(control::kNoSuchProcess, {{"pid", *pid}});
        pids.push_back(static_cast<pid_t>(*pid));
    } else {
        // A server may belong to a line that has gone.
        for (const auto& [one, child] : launcher_.children())
            if (child.config->name == *name || child.config->id() == *name) pids.push_back(one);
        if (pids.empty() && find({*name}, responder).empty()) return;
    }
    std::sort(pids.begin(), pids.end());
    for (const pid_t one : pids)
        log::notice({.service = launcher_.child(one)->config->name, .pid = one},
                    "{}: pid {}: sending {} on request", launcher_.child(one)->config->name, one,
                    signal ? fmt::format("signal {}", *signal) : "SIGTERM");
    if (signal) {
        for (const pid_t one : pids)
            signal_child(one, static_cast<int>(*signal));
    } else {
        kills_.end(pids, hooks_.settings().stop_timeout);
    }
    responder.reply({{"pids", pids}});
}

} // namespace inetd
