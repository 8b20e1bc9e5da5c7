#include "server/acceptor.h"

#include "base/seconds.h"
#include "log/log.h"
#include "net/sock_diag.h"
#include "net/socket.h"

#include <algorithm>
#include <sys/socket.h>

namespace inetd {

using namespace std::chrono_literals;

// One listener must not keep the others waiting: the rest comes in the next round.
static constexpr int kClientsPerRound = 64;
static constexpr Duration kMuxLineTimeout = 30s;

Acceptor::Acceptor(EventLoop& loop, Launcher& launcher, SocketKeeper& keeper, Feed& feed,
                   ParserClient& parser)
    : loop_(loop),
      launcher_(launcher),
      parser_(parser),
      admission_(loop, launcher.client_log(), feed,
                 [this](Endpoint& endpoint) { on_ready(endpoint); }),
      greeter_(loop),
      screening_(loop, admission_),
      lender_(loop, launcher, admission_, keeper),
      peers_(loop, launcher, admission_, screening_),
      senders_(loop, admission_, screening_, launcher.client_log()),
      sessions_(loop),
      mux_(loop, parser.asker(), kMuxLineTimeout,
           {.names = [this] { return list_muxed_(); },
            .serve = [this](Fd& fd, const SocketAddress& peer, const std::string& name,
                            std::shared_ptr<void>& lease,
                            const ServiceConfigPtr&) { return serve_muxed(fd, peer, name, lease); },
            .ended = [this](const MuxEnd& end) { note_mux_end(end); }}),
      relays_(loop, {},
              {.unreachable = [this](const ServiceConfig& service, const SocketAddress& target,
                                     int code) { note_unreachable(service, target, code); },
               .ended = [this](const SessionEnd& end) { note_end(end); }}),
      idents_(loop, parser.asker(), connection_owner),
      http_(loop, parser.asker(),
            {.document = [this](const HttpRequest& request) { return find_document_(request); },
             .keeps_open = [this] { return clients_stay_(); },
             .ended = [this](const SessionEnd& end) { note_end(end); }}),
      proxied_(loop, parser.asker()) {
    sessions_.on_end([this](const SessionEnd& end) { note_end(end); });
}

void Acceptor::note_end(const SessionEnd& end) {
    const bool timeout = end.reason == SessionEnd::Reason::timeout;
    admission_.feed().ended(*end.service, end.peer, 0, timeout ? "session_timeout" : "closed",
                            end.lasted);
    if (timeout)
        log::notice({.service = end.service->name, .peer = &end.peer},
                    "{}: {}: closed after its session_timeout of {:g} s", end.service->name,
                    end.peer.unmapped().to_string(), seconds(end.service->terms->session_timeout));
    launcher_.client_log().session_ended(end);
    if (!end.lease) return; // its service was gone after a change of the binary
    Tally& tally = Admission::gate_of(end.lease).tally();
    tally.sessions.add(Tally::kSessionBounds, end.lasted);
    tally.bytes_in += end.bytes_in;
    tally.bytes_out += end.bytes_out;
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

void Acceptor::set_documents(FindDocument find, std::function<bool()> stays) {
    find_document_ = std::move(find);
    clients_stay_ = std::move(stays);
}

void Acceptor::stop_sessions() {
    sessions_.stop_all();
    mux_.stop_all();
    relays_.stop_all();
    idents_.stop_all();
    http_.stop_all();
    proxied_.stop_all();
    greeter_.stop_all();
    screening_.resolver().stop_all();
    parser_.stop_all();
}

void Acceptor::retire_workers() {
    screening_.resolver().retire();
    parser_.retire();
}

void Acceptor::on_ready(Endpoint& endpoint) {
    const ServiceConfig& config = *endpoint.service->config;
    if (config.builtin != Builtin::none && endpoint.is_datagram()) {
        senders_.answer(endpoint);
    } else if (config.wait) {
        start_server(endpoint);
    } else if (endpoint.is_datagram()) {
        peers_.receive(endpoint);
    } else {
        accept_clients(endpoint);
    }
}

void Acceptor::start_server(Endpoint& endpoint) {
    if (!admission_.has_room(endpoint)) return;
    if (endpoint.is_datagram() && !senders_.await_server(endpoint)) return;
    lender_.lend(endpoint);
}

void Acceptor::accept_clients(Endpoint& endpoint) {
    const bool external = endpoint.service->config->builtin == Builtin::none;
    for (int i = 0; i < kClientsPerRound && admission_.takes_clients(endpoint); ++i) {
        // Most come alone.
        if (i == 1 && !endpoint.listener.has_client()) return;
        Listener::Accepted client = endpoint.listener.accept(external);
        switch (client.outcome) {
        case Listener::Outcome::accepted:
            endpoint.setback.reset();
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
    const SocketAddress own = own_address(fd);
    return own.family() != AF_UNSPEC ? own : bound;
}

// Whoever may connect to a unix socket is a balancer: its mode says who may.
static bool is_balancer(const ServiceConfig& config, const SocketAddress& peer) {
    return peer.family() == AF_UNIX ||
           std::any_of(config.terms->proxy_from.begin(), config.terms->proxy_from.end(),
                       [&](const Cidr& network) { return network.contains(peer); });
}

void Acceptor::receive(Endpoint& endpoint, Listener::Accepted accepted) {
    Service& service = *endpoint.service;
    if (!service.config->terms->proxy_protocol)
        return take_client(endpoint,
                           {std::move(accepted.fd), accepted.peer, {}, nullptr, loop_.now()});
    await_header(endpoint, std::move(accepted));
}

void Acceptor::await_header(Endpoint& endpoint, Listener::Accepted accepted) {
    Service& service = *endpoint.service;
    if (!is_balancer(*service.config, accepted.peer)) {
        admission_.refuse(service, accepted.peer, Refusal::balancer, accepted.fd.get());
        return greeter_.dismiss(*service.config, std::move(accepted.fd));
    }
    auto lease = admission_.reserve(service, accepted.peer, accepted.fd.get());
    if (!lease) return greeter_.dismiss(*service.config, std::move(accepted.fd));
    const auto place = endpoint.weak();
    proxied_.start({.fd = std::move(accepted.fd),
                    .balancer = accepted.peer,
                    .peer = {},
                    .local = {},
                    .lease = std::move(lease),
                    .arrived =
                        [this, place, since = loop_.now()](auto arrival) {
                            const auto there = place.lock();
                            if (!there || there->service->config->wait) return;
                            // A reload may have made another kind of service of it.
                            const bool blocks = there->service->config->builtin == Builtin::none;
                            set_blocking(arrival.fd.get(), blocks);
                            take_client(*there, {std::move(arrival.fd), arrival.peer, arrival.local,
                                                 std::move(arrival.lease), since});
                        },
                    .failed =
                        [this, place](const SocketAddress& balancer, ProxyReceiver::Fault fault) {
                            const bool late = fault == ProxyReceiver::Fault::timed_out;
                            const auto why = late ? Refusal::proxy_timeout : Refusal::proxy_header;
                            if (const auto there = place.lock())
                                admission_.refuse(*there->service, balancer, why, -1);
                        }});
}

void Acceptor::take_client(Endpoint& endpoint, Client client) {
    Service& service = *endpoint.service;
    Greeter::greet(*service.config, client.fd.get());
    if (service.config->terms->sensor != Duration::zero()) {
        admission_.shut_out(service, client.peer);
        return greeter_.dismiss(*service.config, std::move(client.fd));
    }
    if (service.screened) return screen(endpoint, std::move(client));
    admit(endpoint, std::move(client));
}

void Acceptor::screen(Endpoint& endpoint, Client client) {
    Service& service = *endpoint.service;
    const auto verdict = screening_.look(service, client.peer, client.fd.get());
    if (verdict == Screening::Verdict::refused)
        return greeter_.dismiss(*service.config, std::move(client.fd));
    if (verdict == Screening::Verdict::admitted) return admit(endpoint, std::move(client));
    // It has its place among the instances while it waits.
    auto lease = admission_.admit(service, client.peer, client.lease != nullptr, client.fd.get());
    if (!lease) return greeter_.dismiss(*service.config, std::move(client.fd));
    client.lease = std::move(lease);
    const auto place = endpoint.weak();
    screening_.look_up(
        {.client = std::move(client),
         .service = [place]() -> Service* {
             const auto there = place.lock();
             return there && !there->service->config->wait ? there->service : nullptr;
         },
         .admitted =
             [this, place](Service&, Client known) {
                 if (const auto there = place.lock()) {
                     set_blocking(known.fd.get(), there->service->config->builtin == Builtin::none);
                     serve(*there, std::move(known));
                 }
             },
         .refused = [this](Service& then,
                           Client known) { greeter_.dismiss(*then.config, std::move(known.fd)); }});
}

void Acceptor::admit(Endpoint& endpoint, Client client) {
    Service& service = *endpoint.service;
    auto lease = admission_.admit(service, client.peer, client.lease != nullptr, client.fd.get());
    if (!lease) return greeter_.dismiss(*service.config, std::move(client.fd));
    client.lease = std::move(lease);
    serve(endpoint, std::move(client));
}

void Acceptor::serve(Endpoint& endpoint, Client client) {
    Service& service = *endpoint.service;
    Greeter::welcome(*service.config, client.fd.get());
    if (service.config->builtin != Builtin::none) return serve_here(service, std::move(client));
    const int fd = client.fd.get();
    launcher_.launch({.service = service,
                      .gate = admission_.gate_of(service),
                      .socket = fd,
                      .peer = client.peer,
                      .local = client.local.family() != AF_UNSPEC
                                   ? client.local
                                   : local_of(fd, endpoint.spec().address),
                      .lease = std::move(client.lease),
                      .since = client.since});
}

void Acceptor::serve_here(Service& service, Client client) {
    launcher_.client_log().session_started(service.config, client.peer, client.fd.get());
    admission_.feed().started(*service.config, client.peer, 0);
    switch (service.config->builtin) {
    case Builtin::tcpmux:
        return mux_.start(service.config, std::move(client.fd), client.peer,
                          std::move(client.lease));
    case Builtin::redirect:
        return relays_.start(service.config, std::move(client.fd), client.peer,
                             std::move(client.lease));
    case Builtin::auth:
        return idents_.start(service.config, std::move(client.fd), std::move(client.lease));
    case Builtin::metrics:
        return http_.start(service.config, std::move(client.fd), client.peer,
                           std::move(client.lease));
    default:
        return sessions_.start(service.config, std::move(client.fd), client.peer,
                               std::move(client.lease));
    }
}

} // namespace inetd
