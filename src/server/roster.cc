#include "server/roster.h"

#include "log/log.h"

#include <algorithm>
#include <cerrno>
#include <unistd.h>
#include <utility>

namespace inetd {

std::vector<ServiceConfigPtr> Roster::configs() const {
    std::vector<ServiceConfigPtr> all;
    for (const Service& service : services_)
        all.push_back(service.config);
    return all;
}

bool Roster::is_disabled(const ServiceConfig& config) const {
    return hold_of_ && hold_of_(config) == Hold::disabled;
}

// Opens what is new while everything old still runs.
Roster::Opened Roster::stage(const Plan& plan, const std::vector<ServiceConfigPtr>& wanted) {
    Opened opened(wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        const Plan::Target& target = plan.targets[i];
        for (std::size_t j = 0; j < target.sockets.size(); ++j) {
            if (target.sockets[j] || target.after_close[j] || is_disabled(*wanted[i])) {
                opened[i].emplace_back(Listener());
            } else {
                opened[i].push_back(keeper_.open(*wanted[i], wanted[i]->listen[j]));
            }
        }
    }
    return opened;
}

// A service that cannot have its group is listened for all the same, so that whoever mends it need
// not restart anything; but it is not started without.
void Roster::join_group(Service& service) {
    const auto& asked = service.config->terms->surroundings->confinement.cgroup;
    if (asked.empty()) return;
    auto group = launcher_.groups().take(group_name(*service.config), asked);
    auto membership = std::make_unique<Membership>();
    if (group) {
        membership->group = std::move(*group);
    } else {
        membership->problem = "cgroup: " + group.error().text();
        log::error("{}: {}; its servers will not be started", service.name(), membership->problem);
    }
    service.membership = std::move(membership);
}

std::shared_ptr<const AccessList> Roster::list_of(const AccessConfig& access) {
    if (!access.only_from && !access.no_access) return nullptr;
    auto& list = lists_[{access.only_from, access.no_access}];
    if (!list) list = std::make_shared<const AccessList>(access.only_from, access.no_access);
    return list;
}

std::shared_ptr<const ServiceCommon> Roster::common_of(const ServiceConfig& config) {
    const ServiceTerms& terms = *config.terms;
    Server server; // of a built-in: none
    if (config.program) server = {terms.account, terms.surroundings};
    auto& known = commons_[{server, {terms.access.only_from, terms.access.no_access}}];
    if (known) return known;
    auto common = std::make_shared<ServiceCommon>();
    common->access = list_of(terms.access);
    if (config.program) {
        common->sandbox = make_sandbox(terms.surroundings, *terms.account);
        common->environment =
            service_environment(*terms.account, *terms.surroundings, environ, keep_environment_);
    }
    known = std::move(common);
    return known;
}

void Roster::make_service(Service& service, const Plan::Target& target, ServiceConfigPtr config) {
    service.config = std::move(config);
    if (hold_of_) service.hold = hold_of_(*service.config);
    service.screened = !service.config->terms->access.empty();
    service.common = common_of(*service.config);
    if (service.config->program) join_group(service);
    const Service* before = target.successor_of ? &services_[*target.successor_of] : nullptr;
    if (before != nullptr && before->gate) admission_.set_gate(service, before->gate);
    service.endpoints.reserve(target.sockets.size());
}

void Roster::apply(const Plan& plan, const std::vector<ServiceConfigPtr>& wanted) {
    Opened opened = stage(plan, wanted);

    std::vector<Service> fresh(wanted.size());
    muxed_.clear();
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        Service& service = fresh[i];
        make_service(service, plan.targets[i], wanted[i]);
        if (const auto name = service.config->mux_name(); !name.empty())
            muxed_[std::string(name)] = &service;
        for (std::size_t j = 0; j < plan.targets[i].sockets.size(); ++j) {
            const auto& kept = plan.targets[i].sockets[j];
            if (kept) {
                service.endpoints.push_back(services_[kept->service].endpoints[kept->socket]);
                adopt(*service.endpoints.back(), service, j);
            } else {
                service.endpoints.push_back(std::make_shared<Endpoint>(service, j));
            }
        }
    }
    lists_.clear();
    commons_.clear();
    // In this order: who borrowed a socket that is closed gives back a slot, which arms what is
    // left of the service.
    release_unsucceeded(plan);
    close_sockets(plan.closed);
    admission_.feed().forget_services();
    services_ = std::move(fresh);
    keep_histories();
    launcher_.groups().sweep();

    for (std::size_t i = 0; i < services_.size(); ++i) {
        if (services_[i].hold == Hold::disabled) continue;
        for (std::size_t j = 0; j < services_[i].endpoints.size(); ++j) {
            Endpoint& endpoint = *services_[i].endpoints[j];
            if (plan.targets[i].sockets[j]) {
                admission_.arm(endpoint);
            } else if (plan.targets[i].after_close[j]) {
                settle(endpoint, keeper_.open(*wanted[i], endpoint.spec()));
            } else {
                settle(endpoint, std::move(opened[i][j]));
            }
        }
    }
    stop_awaiting();
}

// They are memory that only the status page of `internal metrics` has a use for.
void Roster::keep_histories() const {
    const bool wanted = std::any_of(services_.begin(), services_.end(), [](const Service& service) {
        return service.config->builtin == Builtin::metrics;
    });
    admission_.keep_histories(wanted);
    for (const Service& service : services_)
        if (service.gate) service.gate->keep_history(wanted);
}

void Roster::close_sockets(const std::vector<Plan::Place>& places) {
    for (const Plan::Place& place : places) {
        auto& endpoint = services_[place.service].endpoints[place.socket];
        close_socket(*endpoint);
        endpoint.reset();
    }
    // Children that have not come to their exec yet hold the sockets that were just closed.
    if (!places.empty()) launcher_.spawner().settle();
}

void Roster::close_socket(Endpoint& endpoint) {
    endpoint.watch.reset();
    endpoint.stop_timers();
    lender_.forget(endpoint);
    // A wait server goes on with the socket that it was lent.
    if (endpoint.listener)
        keeper_.close(std::move(endpoint.listener), endpoint.spec(), endpoint.lent_to != 0,
                      Parting::unwanted);
    endpoint.lent_to = 0;
}

void Roster::hold(Service& service, Hold hold) {
    const Hold before = std::exchange(service.hold, hold);
    if (before == hold) return;
    admission_.feed().changed(service);
    for (const auto& endpoint : service.endpoints) {
        if (hold == Hold::disabled) {
            close_socket(*endpoint);
            if (endpoint->failure) endpoint->failure->absent = false;
        } else if (before == Hold::disabled) {
            retry(*endpoint);
        } else if (endpoint->listener) {
            endpoint->stop_timers();
            admission_.arm(*endpoint);
        }
    }
    if (hold == Hold::disabled) {
        launcher_.spawner().settle();
        stop_awaiting();
    }
}

static void release(const Service& service) {
    if (service.gate) service.gate->on_release({});
}

// Children of a service that is gone may hold its gate for long.
void Roster::release_unsucceeded(const Plan& plan) const {
    std::vector<bool> succeeded(services_.size(), false);
    for (const Plan::Target& target : plan.targets) {
        if (target.successor_of) succeeded[*target.successor_of] = true;
    }
    for (std::size_t i = 0; i < services_.size(); ++i) {
        if (!succeeded[i]) release(services_[i]);
    }
}

// A kept socket may be listened on, parked, lent or missing, and a timer may be due in this very
// round: whatever the old form had set would be done to the new one. A server that was lent the
// socket keeps it; its end finds the endpoint, not the service, so the new form gets it back.
void Roster::adopt(Endpoint& endpoint, Service& service, std::size_t index) {
    const SocketOptions before = endpoint.service->config->terms->socket;
    endpoint.stop_timers();
    endpoint.service = &service;
    endpoint.index = static_cast<std::uint32_t>(index);
    if (endpoint.setback) {
        Setback& setback = *endpoint.setback;
        setback.not_before = {}; // what was configured too narrowly must not be waited out
        setback.idle_deaths = 0;
        setback.death_backoff.reset();
        if (service.config->wait || service.config->builtin != Builtin::none) setback.held.clear();
    }
    if (!endpoint.listener) {
        // Who reloads wants to hear of it again.
        if (endpoint.failure) endpoint.failure->absent = false;
        return retry(endpoint);
    }
    const auto done =
        SocketKeeper::refit(endpoint.listener, *service.config, endpoint.spec(), before);
    if (done) return;
    if (done.error().code != ENODEV)
        return log::error({.service = service.name()}, "{}: {}", service.name(),
                          done.error().text());
    // Rather nobody is served than those who come by other interfaces.
    close_socket(endpoint);
    settle(endpoint, done.error());
}

// Instances outlive it, and their gates with them.
Roster::~Roster() {
    for (const Service& service : services_)
        release(service);
}

void Roster::close_all(Parting why) {
    appearances_.stop();
    for (const Service& service : services_) {
        release(service);
        for (const auto& endpoint : service.endpoints) {
            endpoint->watch.reset();
            endpoint->stop_timers();
            if (why == Parting::restart) {
                lender_.note(*endpoint);
            } else {
                lender_.forget(*endpoint);
            }
            if (!endpoint->listener) continue;
            keeper_.close(std::move(endpoint->listener), endpoint->spec(), endpoint->lent_to != 0,
                          why);
        }
    }
}

bool Roster::drained() const {
    return std::any_of(services_.begin(), services_.end(),
                       [](const Service& service) { return service.hold == Hold::drained; });
}

Service* Roster::find_muxed(const std::string& name) const {
    const auto found = muxed_.find(name);
    return found == muxed_.end() || found->second->hold != Hold::none ? nullptr : found->second;
}

std::vector<std::string> Roster::muxed_names() const {
    std::vector<std::string> names;
    for (const Service& service : services_) {
        const auto name = service.config->mux_name();
        if (!name.empty() && service.hold == Hold::none) names.emplace_back(name);
    }
    return names;
}

} // namespace inetd
