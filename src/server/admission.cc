#include "server/admission.h"

#include "config/rate.h"
#include "log/log.h"

#include <cerrno>
#include <system_error>

namespace inetd {

Admission::Admission(EventLoop& loop, ClientLog& client_log, Feed& feed, OnReady on_ready)
    : loop_(loop), client_log_(client_log), feed_(feed), on_ready_(std::move(on_ready)) {}

void Admission::arm_all(Service& service) {
    for (const auto& endpoint : service.endpoints)
        arm(*endpoint);
}

// A socket may be closed in the very round in which it is readable, its back-off is over or its
// service gets room. Whoever closes it drops its Watch and its Timer, and with them what is pending
// of both (event/loop.cc). Whatever comes later comes through here, where each reason not to listen
// is looked at anew: so an end or a resume arms nothing that was closed before it, and what it has
// armed is closed like any other after it. A gate lives longer than a service; it calls the service
// that there is now, or nobody (Roster).
void Admission::arm(Endpoint& endpoint) {
    feed_.changed(*endpoint.service);
    const bool held = endpoint.service->hold != Hold::none;
    if (stopped_ || held || !endpoint.listener || endpoint.lent_to != 0) {
        endpoint.watch.reset();
        return;
    }
    if (endpoint.setback && must_wait(endpoint)) return;
    // What is full or too fast is found when the next client comes, so that a service that nobody
    // asks for costs nothing.
    if (endpoint.watch) return;
    try {
        endpoint.watch =
            loop_.watch(endpoint.listener.fd(), EPOLLIN | EPOLLRDHUP,
                        [this, &endpoint](std::uint32_t events) { on_events(endpoint, events); });
    } catch (const std::system_error& error) {
        exhausted(endpoint, "epoll_ctl", error.code().value());
    }
}

// Whether nobody is to be listened to yet. If not, what is held is taken up even if nothing comes.
bool Admission::must_wait(Endpoint& endpoint) {
    Setback& setback = *endpoint.setback;
    const bool waits = setback.not_before > loop_.now();
    if (waits) {
        endpoint.watch.reset();
        setback.timer = loop_.after(setback.not_before - Clock::now(), [this, &endpoint] {
            endpoint.setback->not_before = {};
            arm(endpoint);
        });
    } else if (!setback.held.empty()) {
        setback.timer = loop_.after(Duration::zero(), [this, &endpoint] { on_ready_(endpoint); });
    }
    return waits;
}

// A socket that listens, or has no peer, does not end unless it is shut down. One that was is
// readable for ever. Whoever left it so may do it without end, and must not keep us busy.
void Admission::on_events(Endpoint& endpoint, std::uint32_t events) {
    if ((events & (EPOLLHUP | EPOLLRDHUP)) == 0) return on_ready_(endpoint);
    if (repair(endpoint)) pause(endpoint, endpoint.setback.get().accept_backoff.next());
}

bool Admission::repair(Endpoint& endpoint) {
    Service& service = *endpoint.service;
    const auto repair = endpoint.listener.repair(endpoint.spec(), service.config->terms->socket);
    if (!repair.needed()) return true;
    Throttle& notes = service.notes.get().repaired;
    if (notes.pass(loop_.now())) {
        const auto others = notes.suppressed();
        log::warning({.service = service.name()}, "{}: {} {}: {}{}", service.name(),
                     endpoint.spec().address.to_string(), repair.text(),
                     repair.undone ? "undone" : "opening it anew",
                     others != 0 ? fmt::format(" ({} more times before)", others) : "");
    }
    if (!repair.undone) reopen_(endpoint);
    return repair.undone;
}

void Admission::answer(Endpoint& endpoint) {
    const bool held = endpoint.service->hold != Hold::none;
    const bool waits = endpoint.setback && endpoint.setback->not_before > loop_.now();
    if (!stopped_ && !held && !waits) on_ready_(endpoint);
}

void Admission::pause(Endpoint& endpoint, Duration how_long) {
    endpoint.setback.get().not_before = Clock::now() + how_long;
    arm(endpoint);
}

void Admission::exhausted(Endpoint& endpoint, const std::string& what, int code) {
    Service& service = *endpoint.service;
    const Duration wait = endpoint.setback.get().accept_backoff.next();
    const bool descriptors = code == EMFILE || code == ENFILE;
    const auto event = descriptors ? log::Event::no_descriptors : log::Event::cannot_accept;
    if (service.notes.get().exhausted.pass(loop_.now()))
        log::error({.event = event, .service = service.name()}, "{}: {}; clients wait",
                   service.name(), Error{what, code}.text());
    pause(endpoint, wait);
}

bool Admission::has_room(Endpoint& endpoint) {
    Service& service = *endpoint.service;
    const Limits& limits = service.config->terms->limits;
    const Gate::Room room = service.counts().room(limits, loop_.now());
    if (room) return true;
    const bool say_so = service.notes.get().full.pass(loop_.now());
    feed_.changed(service);
    if (room.full) {
        if (say_so)
            log::notice({.event = log::Event::full, .service = service.name()},
                        "{}: {} instances running, new clients wait", service.name(),
                        service.counts().running());
        endpoint.watch.reset(); // until the gate gives one back
        return false;
    }
    if (say_so)
        log::notice({.event = log::Event::full, .service = service.name()},
                    "{}: the rate of {} is reached, new clients wait", service.name(),
                    rate_text(limits.rate));
    pause(endpoint, room.rate);
    return false;
}

bool Admission::takes_clients(Endpoint& endpoint) {
    return endpoint.service->config->terms->limits.overflow == Overflow::refuse ||
           has_room(endpoint);
}

const std::shared_ptr<Gate>& Admission::gate_of(Service& service) {
    if (!service.gate) {
        set_gate(service, std::make_shared<Gate>());
        service.gate->keep_history(keeps_histories_);
    }
    return service.gate;
}

void Admission::set_gate(Service& service, std::shared_ptr<Gate> gate) {
    service.gate = std::move(gate);
    service.gate->on_release([this, &service] { arm_all(service); });
}

std::shared_ptr<void> Admission::admit(Service& service, const SocketAddress& peer, bool reserved,
                                       int connection) {
    if (refuses_outcast(service, peer, connection)) return nullptr;
    return ask_gate(service, peer, reserved ? Gate::Ask::source : Gate::Ask::all, connection);
}

std::shared_ptr<void> Admission::reserve(Service& service, const SocketAddress& balancer,
                                         int connection) {
    return ask_gate(service, balancer, Gate::Ask::service, connection);
}

std::shared_ptr<void> Admission::ask_gate(Service& service, const SocketAddress& peer,
                                          Gate::Ask ask, int connection) {
    auto answer = gate_of(service)->admit(service.config->terms->limits, peer, loop_.now(), ask);
    if (auto* slot = std::get_if<Slot>(&answer)) return std::make_shared<Slot>(std::move(*slot));
    note(service, peer, std::get<Refusal>(answer), connection);
    return nullptr;
}

bool Admission::refuses_outcast(Service& service, const SocketAddress& peer, int connection) {
    if (!outcasts_.contains(peer, loop_.now())) return false;
    refuse(service, peer, Refusal::sensor, connection);
    return true;
}

void Admission::refuse(Service& service, const SocketAddress& peer, Refusal refusal,
                       int connection) {
    gate_of(service)->count(refusal, loop_.now());
    note(service, peer, refusal, connection);
}

void Admission::note(Service& service, const SocketAddress& peer, Refusal refusal, int connection) {
    feed_.refused(*service.config, peer, refusal_key(refusal));
    Throttle& notes = service.notes.get().refused;
    if (!ClientLog::notes_refusals(*service.config) || !notes.pass(loop_.now())) return;
    const auto others = notes.suppressed();
    const std::string more = others != 0 ? fmt::format(" ({} more refused before)", others) : "";
    client_log_.refused({.config = service.config,
                         .peer = peer,
                         .host = ClientLog::host_text(peer),
                         .why = refusal_text(refusal) + more,
                         .key = refusal_key(refusal),
                         .connection = connection});
}

void Admission::shut_out(Service& sensor, const SocketAddress& peer) {
    const auto how_long = sensor.config->terms->sensor;
    const bool known = outcasts_.contains(peer, loop_.now());
    const bool done = outcasts_.add(peer, how_long, loop_.now());
    if (known || !ClientLog::notes_refusals(*sensor.config) ||
        !sensor.notes.get().refused.pass(loop_.now()))
        return;
    const std::string fate =
        done ? fmt::format("shut out for {} s", how_long.count() / 1000) : "not shut out";
    log::notice({.event = log::Event::client_refused,
                 .service = sensor.name(),
                 .peer = &peer,
                 .refused_by = "sensor"},
                "{}: {} touched this sensor: {}", sensor.name(),
                ClientLog::name_of_refused(*sensor.config, ClientLog::host_text(peer)), fate);
}

std::shared_ptr<void> Admission::admit_server(Service& service) {
    Limits limits = service.config->terms->limits;
    limits.overflow = Overflow::queue; // whoever waits, waits for the server
    auto answer = gate_of(service)->admit(limits, SocketAddress(), loop_.now());
    return std::make_shared<Slot>(std::get<Slot>(std::move(answer)));
}

} // namespace inetd
