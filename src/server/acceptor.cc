#include "server/acceptor.h"

#include "builtin/datagrams.h"
#include "log/log.h"
#include "net/sock_diag.h"

#include <algorithm>
#include <sys/socket.h>

namespace inetd {

using namespace std::chrono_literals;

// One listener must not keep the others waiting: the rest comes in the next round.
static constexpr int kClientsPerRound = 64;
static constexpr Duration kMuxLineTimeout = 30s;

static double seconds(Duration duration) {
    return std::chrono::duration<double>(duration).count();
}

Acceptor::Acceptor(EventLoop& loop, Launcher& launcher, SocketKeeper& keeper)
    : loop_(loop),
      launcher_(launcher),
      admission_(loop, launcher.client_log(), [this](Endpoint& endpoint) { on_ready(endpoint); }),
      greeter_(loop),
      lender_(loop, launcher, admission_, keeper),
      peers_(loop, launcher, admission_),
      sessions_(loop),
      mux_(loop, kMuxLineTimeout,
           {.names = [this] { return list_muxed_(); },
            .serve = [this](Fd& fd, const SocketAddress& peer, const std::string& name,
                            std::shared_ptr<void>& lease,
                            const ServiceConfigPtr&) { return serve_muxed(fd, peer, name, lease); },
            .ended = {}}),
      relays_(loop, {},
              {.unreachable = [this](const ServiceConfig& service, const SocketAddress& target,
                                     int code) { note_unreachable(service, target, code); },
               .ended = [this](const SessionEnd& end) { note_end(end); }}),
      idents_(loop, connection_owner),
      proxied_(loop, [this](const SocketAddress& balancer, ProxyReceiver::Fault fault) {
          note_fault(balancer, fault);
      }) {
    sessions_.on_end([this](const SessionEnd& end) { note_end(end); });
}

void Acceptor::note_end(const SessionEnd& end) const {
    if (end.reason == SessionEnd::Reason::timeout)
        log::notice({.service = end.service->name, .peer = &end.peer},
                    "{}: {}: closed after its session_timeout of {:g} s", end.service->name,
                    end.peer.unmapped().to_string(), seconds(end.service->session_timeout));
    launcher_.client_log().session_ended(end);
}

// Whoever connects makes us try.
void Acceptor::note_unreachable(const ServiceConfig& service, const SocketAddress& target,
                                int code) {
    Throttle& notes = unreachable_notes_[service.id()];
    if (!notes.pass(loop_.now())) return;
    const auto others = notes.suppressed();
    log::warning({.service = service.name}, "{}: {}{}", service.name,
                 Error{"connect " + target.to_string(), code}.text(),
                 others != 0 ? fmt::format(" ({} more failed before)", others) : "");
}

void Acceptor::set_mux(FindMuxed find, ListMuxed list) {
    find_muxed_ = std::move(find);
    list_muxed_ = std::move(list);
}

void Acceptor::stop_sessions() {
    sessions_.stop_all();
    mux_.stop_all();
    relays_.stop_all();
    idents_.stop_all();
    proxied_.stop_all();
    greeter_.stop_all();
}

void Acceptor::on_ready(Endpoint& endpoint) {
    const ServiceConfig& config = *endpoint.service->config;
    if (config.builtin != Builtin::none && endpoint.is_datagram()) {
        answer_datagrams_of(endpoint);
    } else if (config.wait) {
        if (admission_.has_room(endpoint)) lender_.lend(endpoint);
    } else if (endpoint.is_datagram()) {
        peers_.receive(endpoint);
    } else {
        accept_clients(endpoint);
    }
}

void Acceptor::accept_clients(Endpoint& endpoint) {
    const bool external = endpoint.service->config->builtin == Builtin::none;
    for (int i = 0; i < kClientsPerRound && admission_.takes_clients(endpoint); ++i) {
        Listener::Accepted client = endpoint.listener->accept(external);
        switch (client.outcome) {
        case Listener::Outcome::accepted:
            endpoint.accept_backoff.reset();
            receive(endpoint, std::move(client));
            break;
        case Listener::Outcome::failed:
            break;
        case Listener::Outcome::empty:
            return;
        case Listener::Outcome::exhausted:
        case Listener::Outcome::broken:
            return admission_.exhausted(endpoint, "accept", client.code);
        }
    }
}

// What the child is told of its own end: the address as bound, or where that is a wildcard what the
// connection really has.
static SocketAddress local_of(int fd, const SocketAddress& bound) {
    if (!bound.is_wildcard()) return bound;
    SocketAddress local;
    socklen_t size = SocketAddress::kRoom;
    if (getsockname(fd, local.room(), &size) != 0) return bound;
    local.set_size(size);
    return local;
}

// Whoever may connect to a unix socket is a balancer: its mode says who may.
static bool is_balancer(const ServiceConfig& config, const SocketAddress& peer) {
    return peer.family() == AF_UNIX ||
           std::any_of(config.proxy_from.begin(), config.proxy_from.end(),
                       [&](const Cidr& network) { return network.contains(peer); });
}

void Acceptor::receive(Endpoint& endpoint, Listener::Accepted accepted) {
    Service& service = *endpoint.service;
    if (!service.config->proxy_protocol)
        return take_client(endpoint, {std::move(accepted.fd), accepted.peer, {}, nullptr});
    if (!is_balancer(*service.config, accepted.peer)) {
        admission_.refuse(service, accepted.peer, Refusal::balancer, accepted.fd.get());
        return greeter_.dismiss(*service.config, std::move(accepted.fd));
    }
    auto lease = admission_.reserve(service, accepted.peer, accepted.fd.get());
    if (!lease) return greeter_.dismiss(*service.config, std::move(accepted.fd));
    proxied_.start({.fd = std::move(accepted.fd),
                    .balancer = accepted.peer,
                    .peer = {},
                    .local = {},
                    .lease = std::move(lease),
                    .arrived = [this, place = endpoint.weak_from_this()](auto arrival) {
                        const auto there = place.lock();
                        if (!there || there->service->config->wait) return;
                        take_client(*there, {std::move(arrival.fd), arrival.peer, arrival.local,
                                             std::move(arrival.lease)});
                    }});
}

void Acceptor::note_fault(const SocketAddress& balancer, ProxyReceiver::Fault fault) {
    if (!fault_notes_.pass(loop_.now())) return;
    log::notice({.peer = &balancer}, "balancer {}: {}", balancer.to_string(),
                fault == ProxyReceiver::Fault::timed_out ? "no PROXY header in time"
                                                         : "what it sent is no PROXY header");
}

void Acceptor::take_client(Endpoint& endpoint, Client client) {
    Service& service = *endpoint.service;
    Greeter::greet(*service.config, client.fd.get());
    if (service.config->sensor != Duration::zero()) {
        admission_.shut_out(service, client.peer);
        return greeter_.dismiss(*service.config, std::move(client.fd));
    }
    auto lease = admission_.admit(service, client.peer, client.lease != nullptr, client.fd.get());
    if (!lease) return greeter_.dismiss(*service.config, std::move(client.fd));
    client.lease = std::move(lease);
    Greeter::welcome(*service.config, client.fd.get());
    if (service.config->builtin != Builtin::none) return serve_here(service, std::move(client));
    const int fd = client.fd.get();
    launcher_.launch({.service = service,
                      .socket = fd,
                      .peer = client.peer,
                      .local = client.local.family() != AF_UNSPEC
                                   ? client.local
                                   : local_of(fd, endpoint.spec().address),
                      .lease = std::move(client.lease)});
}

void Acceptor::serve_here(Service& service, Client client) {
    launcher_.client_log().session_started(service.config, client.peer, client.fd.get());
    switch (service.config->builtin) {
    case Builtin::tcpmux:
        return mux_.start(service.config, std::move(client.fd), client.peer,
                          std::move(client.lease));
    case Builtin::redirect:
        return relays_.start(service.config, std::move(client.fd), client.peer,
                             std::move(client.lease));
    case Builtin::auth:
        return idents_.start(service.config, std::move(client.fd), std::move(client.lease));
    default:
        return sessions_.start(service.config, std::move(client.fd), client.peer,
                               std::move(client.lease));
    }
}

void Acceptor::answer_datagrams_of(Endpoint& endpoint) {
    Service& service = *endpoint.service;
    const auto port = static_cast<std::uint16_t>(endpoint.spec().address.port());
    const DatagramStats stats =
        answer_datagrams(endpoint.listener->fd(), service.config->builtin, port);
    service.gate->count(Refusal::reflection, stats.reflected);
    if (stats.last_refused && service.refusal_notes.pass(loop_.now()))
        launcher_.client_log().refused({.config = service.config,
                                        .peer = *stats.last_refused,
                                        .host = stats.last_refused->unmapped().to_string(),
                                        .why = refusal_text(Refusal::reflection),
                                        .key = refusal_key(Refusal::reflection)});
}

bool Acceptor::serve_muxed(Fd& fd, const SocketAddress& peer, const std::string& name,
                           std::shared_ptr<void>& lease) {
    Service* service = find_muxed_(name);
    if (service == nullptr) return false;
    if (const auto room = service->gate->room(service->config->limits, loop_.now()); !room) {
        const Refusal refusal = room.full ? Refusal::instances : Refusal::rate;
        service->gate->count(refusal);
        mux_reply(fd.get(), "-Service busy");
        if (service->full_notes.pass(loop_.now()))
            launcher_.client_log().refused({.config = service->config,
                                            .peer = peer,
                                            .host = peer.unmapped().host(),
                                            .why = refusal_text(refusal),
                                            .key = refusal_key(refusal),
                                            .connection = fd.get()});
        fd.reset();
        return false;
    }
    auto own_lease = admission_.admit(*service, peer, false, fd.get());
    if (!own_lease) return false;
    if (service->config->mux_greets && !mux_reply(fd.get(), kMuxGo)) return false;
    lease.reset(); // tcpmux itself has done its part
    const Fd own = std::move(fd);
    SocketAddress local;
    socklen_t size = SocketAddress::kRoom;
    if (getsockname(own.get(), local.room(), &size) == 0) local.set_size(size);
    launcher_.launch({.service = *service,
                      .socket = own.get(),
                      .peer = peer,
                      .local = local,
                      .lease = std::move(own_lease)});
    return true;
}

} // namespace inetd
