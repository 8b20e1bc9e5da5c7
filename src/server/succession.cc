#include "server/succession.h"

#include "process/pidfd.h"
#include "server/store_names.h"

#include <fcntl.h>
#include <map>
#include <unordered_map>

namespace inetd {

namespace {

using Key = std::pair<std::string, SocketAddress>; // ServiceConfig::id() and the first address

Key key_of(const ServiceConfig& config) {
    return {config.id(), config.listen.empty() ? SocketAddress() : config.listen.front().address};
}

// Gives each service its place in the hand-over; also those that only live on in their children.
class Places {
  public:
    explicit Places(std::vector<Handover::Service>& services) : services_(services) {}

    std::size_t add(const ServiceConfig& config, const Gate::State& gate, Hold hold = Hold::none) {
        const auto [place, fresh] = places_.try_emplace(key_of(config), services_.size());
        if (fresh)
            services_.push_back({.id = config.id(),
                                 .address = place->first.second,
                                 .name = config.name,
                                 .protocol = config.terms->protocol,
                                 .builtin = config.builtin,
                                 .idle_timeout = config.terms->idle_timeout,
                                 .session_timeout = config.terms->session_timeout,
                                 .kill_on_disconnect = config.terms->kill_on_disconnect,
                                 .gate = gate,
                                 .hold = hold});
        return place->second;
    }

  private:
    std::vector<Handover::Service>& services_;
    std::map<Key, std::size_t> places_;
};

int stranger_with(const Endpoint& endpoint) {
    const bool any = endpoint.lent_to != 0 && endpoint.loan && endpoint.loan->lease;
    return any ? endpoint.loan->pidfd.get() : -1;
}

void hand_over_sockets(Handover& all, const Roster& roster, const SocketKeeper& keeper) {
    for (const Service& service : roster.services()) {
        for (const auto& endpoint : service.endpoints) {
            if (!endpoint->listener) continue;
            const Listener& listener = endpoint->listener;
            all.sockets.push_back({.fd = listener.fd(),
                                   .name = keeper.inherited().name_of(endpoint->spec()),
                                   .holder = listener.holder(),
                                   .bound = endpoint->spec().address,
                                   .was_lent = listener.was_lent(),
                                   .borrower = stranger_with(*endpoint),
                                   .held = endpoint->setback ? endpoint->setback->held
                                                             : std::vector<HeldDatagram>()});
        }
    }
    for (const auto& [address, socket] : keeper.inherited().left())
        all.sockets.push_back({.fd = socket.fd.get(),
                               .name = socket.name,
                               .holder = socket.holder,
                               .bound = address,
                               .was_lent = socket.was_lent,
                               .borrower = -1,
                               .held = {}});
}

void hand_over_children(Handover& all, Places& places, const Launcher& launcher) {
    for (const auto& entry : launcher.children().all()) {
        const auto& [pid, child] = *entry;
        const auto endpoint = child.endpoint.lock();
        all.children.push_back(
            {.pid = pid,
             .service = places.add(*child.config, {}),
             .peer = child.peer,
             .local = child.local,
             .started = child.started,
             .listener = endpoint && endpoint->listener ? endpoint->listener.fd() : -1,
             .own_socket = child.own_socket,
             .tether = child.tether ? child.tether->state() : Tether::State(),
             .connection = child.connection.get(),
             .user = child.user ? *child.user : std::string()});
    }
}

} // namespace

Handover hand_over(const Roster& roster, const Launcher& launcher, const Acceptor& acceptor,
                   const SocketKeeper& keeper) {
    launcher.count_starts();
    const TimePoint now = Clock::now();
    Handover all;
    all.version = INETD_VERSION;
    Places places(all.services);
    for (const Service& service : roster.services())
        places.add(*service.config, service.counts().state(service.config->terms->limits, now),
                   service.hold);
    hand_over_sockets(all, roster, keeper);
    hand_over_children(all, places, launcher);
    for (SessionState& state : acceptor.streams().states())
        all.sessions.emplace_back(places.add(*state.service, {}), std::move(state));
    for (MuxState& state : acceptor.mux().states())
        all.mux_sessions.emplace_back(places.add(*state.mux, {}), std::move(state));
    for (RelayState& state : acceptor.relays().states())
        all.relays.emplace_back(places.add(*state.service, {}), std::move(state));
    for (const Farewells* farewells : {&acceptor.streams().farewells(), &acceptor.mux().farewells(),
                                       &acceptor.greeter().farewells()})
        for (FarewellState& state : farewells->states())
            all.farewells.push_back(std::move(state));
    for (ErrorLinesState& state : launcher.errors().states())
        all.error_pipes.emplace_back(places.add(*state.config, {}), std::move(state));
    all.reports = launcher.spawner().pipe();
    all.hang_ups = launcher.hang_ups().state();
    all.outcasts = acceptor.admission().outcasts().state();
    return all;
}

std::function<Hold(const ServiceConfig&)> holds_of(const Handover& handover) {
    std::map<Key, Hold> holds;
    for (const Handover::Service& service : handover.services)
        if (service.hold != Hold::none) holds[{service.id, service.address}] = service.hold;
    return [holds = std::move(holds)](const ServiceConfig& config) {
        const auto found = holds.find(key_of(config));
        return found == holds.end() ? Hold::none : found->second;
    };
}

Inheritance inherit_from(const Handover& handover) {
    Inheritance inheritance;
    std::unordered_map<int, std::string> keys; // by descriptor
    for (const Handover::Socket& socket : handover.sockets) {
        Fd borrower(socket.borrower);
        if (borrower) fcntl(borrower.get(), F_SETFD, FD_CLOEXEC);
        auto known = examine_socket(Fd(socket.fd), socket.name, socket.holder, socket.bound);
        if (!known) {
            inheritance.problems.push_back("handed over: " + known.error().text());
            continue;
        }
        known->was_lent = socket.was_lent;
        keys[socket.fd] = socket_key(known->spec);
        inheritance.sockets.add(std::move(*known));
        if (borrower)
            inheritance.servers.insert_or_assign(keys[socket.fd], Borrower{std::move(borrower)});
    }
    for (const Handover::Child& child : handover.children) {
        const auto key = keys.find(child.listener);
        if (child.own_socket >= 0 || key == keys.end()) continue;
        inheritance.servers.insert_or_assign(key->second,
                                             Borrower{open_process(child.pid), child.pid});
    }
    return inheritance;
}

namespace {

// Who is who for the new binary.
class Heirs {
  public:
    Heirs(const Handover& handover, Roster& roster, Admission& admission)
        : services_(handover.services), admission_(admission) {
        std::map<Key, Service*> wanted;
        for (Service& service : roster.services()) {
            wanted[key_of(*service.config)] = &service;
            for (const auto& endpoint : service.endpoints) {
                if (endpoint->listener) endpoints_[endpoint->listener.fd()] = endpoint;
            }
        }
        for (const Handover::Service& was : services_) {
            const auto found = wanted.find({was.id, was.address});
            heirs_.push_back(found == wanted.end() ? nullptr : found->second);
        }
    }

    // Null: there is no such service any more.
    [[nodiscard]] Service* service(std::size_t place) const { return heirs_[place]; }
    [[nodiscard]] std::shared_ptr<Endpoint> endpoint(int listener) const {
        const auto found = endpoints_.find(listener);
        return found == endpoints_.end() ? nullptr : found->second;
    }

    // What its children and sessions are called by and held to from now on.
    [[nodiscard]] ServiceConfigPtr config(std::size_t place) const {
        const Handover::Service& was = services_[place];
        if (heirs_[place] != nullptr && heirs_[place]->config->builtin == was.builtin)
            return heirs_[place]->config;
        auto terms = std::make_shared<ServiceTerms>();
        terms->protocol = was.protocol;
        terms->idle_timeout = was.idle_timeout;
        terms->session_timeout = was.session_timeout;
        terms->kill_on_disconnect = was.kill_on_disconnect;
        auto gone = std::make_shared<ServiceConfig>();
        gone->name = was.name;
        gone->terms = std::move(terms);
        gone->builtin = was.builtin;
        return gone;
    }

    [[nodiscard]] std::shared_ptr<Gate> gate(std::size_t place) const {
        return heirs_[place] == nullptr ? nullptr : admission_.gate_of(*heirs_[place]);
    }

    [[nodiscard]] std::shared_ptr<void> lease(std::size_t place, const SocketAddress& peer) const {
        Service* service = heirs_[place];
        if (service == nullptr) return nullptr;
        return std::make_shared<Slot>(
            admission_.gate_of(*service)->readmit(service->config->terms->limits, peer));
    }

  private:
    const std::vector<Handover::Service>& services_;
    Admission& admission_;
    std::vector<Service*> heirs_;
    std::unordered_map<int, std::shared_ptr<Endpoint>> endpoints_;
};

Launcher::Child take_over_child(const Handover::Child& was, const Heirs& heirs,
                                Acceptor& acceptor) {
    Launcher::Child child{.config = heirs.config(was.service),
                          .peer = was.peer,
                          .local = was.local,
                          .lease = heirs.lease(was.service, was.peer),
                          .at_end = {},
                          .endpoint = {},
                          .own_socket = was.own_socket,
                          .started = was.started,
                          .lines = {},
                          .tether = {},
                          .connection = Fd(was.connection),
                          .user = std::make_shared<std::string>(was.user),
                          .gate = heirs.gate(was.service)};
    const auto endpoint = heirs.endpoint(was.listener);
    child.endpoint = endpoint;
    if (was.own_socket >= 0) {
        PeerSocket socket{Fd(was.own_socket), was.peer, was.local, nullptr};
        child.at_end = acceptor.peers().resume(endpoint, std::move(socket), child.lease);
    } else if (endpoint) {
        child.at_end = acceptor.lender().resume(*endpoint, was.pid);
    }
    return child;
}

} // namespace

void take_over(const Handover& handover, Roster& roster, Launcher& launcher, Acceptor& acceptor) {
    Admission& admission = acceptor.admission();
    const Heirs heirs(handover, roster, admission);
    for (std::size_t i = 0; i < handover.services.size(); ++i) {
        const Gate::State& counted = handover.services[i].gate;
        Service* service = heirs.service(i);
        if (service != nullptr && counted != Gate::State{})
            admission.gate_of(*service)->restore(counted, service->config->terms->limits,
                                                 Clock::now());
    }
    admission.outcasts().restore(handover.outcasts, Clock::now());
    launcher.hang_ups().resume(handover.hang_ups);
    if (handover.reports.read >= 0) launcher.spawner().take_over(handover.reports);
    std::unordered_map<pid_t, std::shared_ptr<ErrorLines>> lines;
    for (const auto& [place, was] : handover.error_pipes) {
        ErrorLinesState state = was;
        state.config = heirs.config(place);
        lines[was.pid] = launcher.errors().resume(state);
    }
    for (const Handover::Child& was : handover.children) {
        Launcher::Child child = take_over_child(was, heirs, acceptor);
        if (const auto found = lines.find(was.pid); found != lines.end())
            child.lines = found->second;
        launcher.adopt(was.pid, std::move(child), was.tether);
    }
    for (const auto& [pid, pipe] : lines) {
        if (!launcher.has(pid)) launcher.errors().ended(pipe);
    }
    for (const auto& [place, was] : handover.sessions) {
        SessionState state = was;
        state.service = heirs.config(place);
        acceptor.streams().resume(state, heirs.lease(place, state.peer));
    }
    for (const auto& [place, was] : handover.mux_sessions) {
        MuxState state = was;
        state.mux = heirs.config(place);
        acceptor.mux().resume(state, heirs.lease(place, state.peer));
    }
    for (const auto& [place, was] : handover.relays) {
        RelayState state = was;
        state.service = heirs.config(place);
        acceptor.relays().resume(state, heirs.lease(place, state.peer));
    }
    for (const FarewellState& state : handover.farewells)
        acceptor.streams().farewells().resume(state);
    for (const Handover::Socket& socket : handover.sockets) {
        const auto endpoint = heirs.endpoint(socket.fd);
        if (!endpoint || socket.held.empty() || endpoint->service->config->wait ||
            endpoint->service->config->builtin != Builtin::none)
            continue;
        endpoint->setback.get().held = socket.held;
        admission.arm(*endpoint);
    }
}

} // namespace inetd
