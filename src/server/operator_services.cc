// What callers of io.inetd.Control do to services and their servers.
#include "control/descriptions.h"
#include "log/log.h"
#include "server/operator.h"

#include <algorithm>
#include <csignal>

namespace inetd {

using control::Json;

std::vector<Service*> Operator::find(const std::vector<std::string>& names,
                                     const Responder& responder) const {
    std::vector<Service*> found;
    for (const std::string& name : names) {
        const std::size_t before = found.size();
        for (Service& service : roster_.services())
            if (service.name() == name || service.config->id() == name) found.push_back(&service);
        if (found.size() != before) continue;
        responder.fail(control::kNoSuchService, {{"name", name}});
        return {};
    }
    return found;
}

std::vector<Service*> Operator::find_named(Parameters& parameters,
                                           const Responder& responder) const {
    const auto names = parameters.texts("names");
    parameters.done();
    if (!names || names->empty()) throw control::InvalidParameter{"names"};
    return find(*names, responder);
}

static const char* hold_text(Hold hold) {
    switch (hold) {
    case Hold::paused:
        return "paused";
    case Hold::drained:
        return "drained";
    case Hold::disabled:
        return "disabled";
    case Hold::none:
        break;
    }
    return "resumed";
}

void Operator::hold(Service& service, Hold hold) {
    if (service.hold == hold) return;
    roster_.hold(service, hold);
    log::notice({.service = service.name()}, "{}: {} on request", service.name(), hold_text(hold));
}

void Operator::tell_outcome(const std::vector<Service*>& services, const Responder& responder) {
    Json outcomes = Json::array();
    for (const Service* service : services) {
        const State::Service state = state_of(*service, loop_.now());
        outcomes.push_back({{"name", service->name()},
                            {"protocol", service->config->terms->protocol},
                            {"state", condition_text(state.condition)}});
    }
    responder.reply({{"services", std::move(outcomes)}});
}

void Operator::pause(Parameters& parameters, const Responder& responder) {
    const auto services = find_named(parameters, responder);
    if (services.empty()) return;
    for (Service* service : services)
        if (service->hold != Hold::disabled) hold(*service, Hold::paused);
    tell_outcome(services, responder);
}

void Operator::resume(Parameters& parameters, const Responder& responder) {
    const auto names = parameters.texts("names");
    parameters.done();
    if (is_stopping(responder)) return;
    std::vector<Service*> services;
    if (names && !names->empty()) {
        services = find(*names, responder);
        if (services.empty()) return;
    } else {
        for (Service& service : roster_.services())
            if (service.hold == Hold::paused || service.hold == Hold::drained)
                services.push_back(&service);
    }
    for (Service* service : services)
        if (service->hold != Hold::disabled) hold(*service, Hold::none);
    tell_outcome(services, responder);
}

void Operator::disable(Parameters& parameters, const Responder& responder) {
    const auto services = find_named(parameters, responder);
    if (services.empty()) return;
    for (Service* service : services)
        hold(*service, Hold::disabled);
    tell_outcome(services, responder);
}

void Operator::enable(Parameters& parameters, const Responder& responder) {
    if (is_stopping(responder)) return; // its sockets have been closed for good
    const auto services = find_named(parameters, responder);
    if (services.empty()) return;
    for (Service* service : services)
        if (service->hold == Hold::disabled) hold(*service, Hold::none);
    tell_outcome(services, responder);
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
        for (const auto& entry : launcher_.children().all()) {
            const auto& [one, child] = *entry;
            if (child.config->name == *name || child.config->id() == *name) pids.push_back(one);
        }
        if (pids.empty() && find({*name}, responder).empty()) return;
    }
    std::sort(pids.begin(), pids.end());
    for (const pid_t one : pids) {
        const std::string& whose = launcher_.child(one)->config->name;
        log::notice({.service = whose, .pid = one}, "{}: pid {}: sending {} on request", whose, one,
                    signal ? fmt::format("signal {}", *signal) : "SIGTERM");
        if (signal) signal_child(one, static_cast<int>(*signal));
    }
    if (!signal) kills_.end(pids, hooks_.settings().stop_timeout);
    responder.reply({{"pids", pids}});
}

} // namespace inetd
