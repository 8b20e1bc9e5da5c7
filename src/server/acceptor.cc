#include "server/acceptor.h"

#include "base/text.h"
#include "builtin/datagrams.h"
#include "builtin/reflection.h"
#include "builtin/responders.h"
#include "config/rate.h"
#include "log/log.h"

#include <cerrno>
#include <sys/socket.h>
#include <system_error>

namespace inetd {

using namespace std::chrono_literals;

// One listener must not keep the others waiting: the rest comes in the next round.
static constexpr int kClientsPerRound = 64;
static constexpr Duration kMuxLineTimeout = 30s;

static double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

Acceptor::Acceptor(EventLoop& loop, Launcher& launcher)
    : loop_(loop),
      launcher_(launcher),
      lender_(loop, launcher, [this](Endpoint& endpoint) { arm(endpoint); }),
      sessions_(loop),
      mux_(loop, kMuxLineTimeout,
           {.names = [this] { return list_muxed_(); },
            .serve = [this](Fd& fd, const SocketAddress& peer, const std::string& name,
                            std::shared_ptr<void>& lease,
                            const ServiceConfigPtr&) { return serve_muxed(fd, peer, name, lease); },
            .ended = {}}) {
    sessions_.on_end([this](const SessionEnd& end) {
        if (!log_connections_) return;
        log::info("{}: {}: session ended: {} bytes in, {} out, {:.3f} s", end.service->name,
                  end.peer.unmapped().to_string(), end.bytes_in, end.bytes_out,
                  seconds(end.lasted));
    });
}

void Acceptor::set_mux(FindMuxed find, ListMuxed list) {
    find_muxed_ = std::move(find);
    list_muxed_ = std::move(list);
}

void Acceptor::stop() { stopped_ = true; }

void Acceptor::stop_sessions() {
    sessions_.stop_all();
    mux_.stop_all();
}

void Acceptor::arm_all(Service& service) {
    for (const auto& endpoint : service.endpoints)
        arm(*endpoint);
}

void Acceptor::arm(Endpoint& endpoint) {
    if (stopped_ || !endpoint.listener || endpoint.lent_to != 0) {
        endpoint.watch.reset();
        return;
    }
    if (endpoint.not_before > loop_.now()) {
        endpoint.watch.reset();
        endpoint.timer = loop_.after(endpoint.not_before - Clock::now(), [this, &endpoint] {
            endpoint.not_before = {};
            arm(endpoint);
        });
        return;
    }
    // What is full or too fast is found when the next client comes, so that a service that nobody
    // asks for costs nothing.
    if (endpoint.watch) return;
    try {
        endpoint.watch = loop_.watch(endpoint.listener->fd(), EPOLLIN,
                                     [this, &endpoint](std::uint32_t) { on_ready(endpoint); });
    } catch (const std::system_error& error) {
        exhausted(endpoint, "epoll_ctl", error.code().value());
    }
}

void Acceptor::pause(Endpoint& endpoint, Duration how_long) {
    endpoint.not_before = Clock::now() + how_long;
    arm(endpoint);
}

void Acceptor::exhausted(Endpoint& endpoint, const std::string& what, int code) {
    Service& service = *endpoint.service;
    const Duration wait = endpoint.accept_backoff.next();
    if (service.exhaustion_notes.pass(loop_.now()))
        log::error("{}: {}; clients wait", service.name(), Error{what, code}.text());
    pause(endpoint, wait);
}

void Acceptor::note_refusal(Service& service, const SocketAddress& peer, Refusal refusal) {
    if (!service.refusal_notes.pass(loop_.now())) return;
    const auto others = service.refusal_notes.suppressed();
    log::notice("{}: refused {}: {}{}", service.name(), peer.unmapped().host(),
                refusal_text(refusal),
                others != 0 ? fmt::format(" ({} more refused before)", others) : "");
}

// Parks the endpoint if its service cannot take one more now.
bool Acceptor::has_room(Endpoint& endpoint) {
    Service& service = *endpoint.service;
    const Limits& limits = service.config->limits;
    const Gate::Room room = service.gate->room(limits, loop_.now());
    if (room) return true;
    if (room.full) {
        if (service.full_notes.pass(loop_.now()))
            log::notice("{}: {} instances running, new clients wait", service.name(),
                        service.gate->running());
        endpoint.watch.reset(); // until the gate has room again
        return false;
    }
    if (service.full_notes.pass(loop_.now()))
        log::notice("{}: the rate of {} is reached, new clients wait", service.name(),
                    rate_text(limits.rate));
    pause(endpoint, room.rate);
    return false;
}

void Acceptor::on_ready(Endpoint& endpoint) {
    const ServiceConfig& config = *endpoint.service->config;
    if (config.builtin != Builtin::none && endpoint.is_datagram()) {
        answer_datagrams_of(endpoint);
    } else if (config.wait) {
        if (has_room(endpoint)) lender_.lend(endpoint);
    } else if (endpoint.is_datagram()) {
        split_datagrams(endpoint);
    } else {
        accept_clients(endpoint);
    }
}

// Where there is no room, clients wait in the kernel, or are taken only to be refused.
bool Acceptor::takes_clients(Endpoint& endpoint) {
    return endpoint.service->config->limits.overflow == Overflow::refuse || has_room(endpoint);
}

void Acceptor::accept_clients(Endpoint& endpoint) {
    const bool external = endpoint.service->config->builtin == Builtin::none;
    for (int i = 0; i < kClientsPerRound && takes_clients(endpoint); ++i) {
        Listener::Accepted client = endpoint.listener->accept(external);
        switch (client.outcome) {
        case Listener::Outcome::accepted:
            endpoint.accept_backoff.reset();
            take_client(endpoint, std::move(client));
            break;
        case Listener::Outcome::failed:
            break;
        case Listener::Outcome::empty:
            return;
        case Listener::Outcome::exhausted:
        case Listener::Outcome::broken:
            return exhausted(endpoint, "accept", client.code);
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

void Acceptor::take_client(Endpoint& endpoint, Listener::Accepted client) {
    Service& service = *endpoint.service;
    auto answer = service.gate->admit(service.config->limits, client.peer, loop_.now());
    if (const auto* refusal = std::get_if<Refusal>(&answer))
        return note_refusal(service, client.peer, *refusal);
    std::shared_ptr<void> lease = std::make_shared<Slot>(std::get<Slot>(std::move(answer)));

    const Builtin builtin = service.config->builtin;
    if (builtin == Builtin::none) {
        const int fd = client.fd.get();
        launcher_.launch({.service = service,
                          .socket = fd,
                          .peer = client.peer,
                          .local = local_of(fd, endpoint.spec().address),
                          .lease = std::move(lease)});
        return;
    }
    if (log_connections_)
        log::info("{}: {}: session started", service.name(), client.peer.unmapped().to_string());
    if (builtin == Builtin::tcpmux) {
        mux_.start(service.config, std::move(client.fd), client.peer, std::move(lease));
    } else {
        sessions_.start(service.config, std::move(client.fd), client.peer, std::move(lease));
    }
}

void Acceptor::answer_datagrams_of(Endpoint& endpoint) {
    Service& service = *endpoint.service;
    const auto port = static_cast<std::uint16_t>(endpoint.spec().address.port());
    const DatagramStats stats =
        answer_datagrams(endpoint.listener->fd(), service.config->builtin, port);
    service.reflected += stats.reflected;
    if (stats.last_refused && service.refusal_notes.pass(loop_.now()))
        log::notice("{}: refused {}: an answer might go round in circles", service.name(),
                    stats.last_refused->unmapped().to_string());
}

void Acceptor::split_datagrams(Endpoint& endpoint) {
    Service& service = *endpoint.service;
    const Limits& limits = service.config->limits;
    const auto port = static_cast<std::uint16_t>(endpoint.spec().address.port());
    std::vector<std::shared_ptr<void>> leases;
    const auto decide = [&](const SocketAddress& peer, bool must_decide) {
        using Verdict = PeerSplitter::Verdict;
        if (may_reflect(peer, {.asked = {}, .local = {}, .port = port})) {
            ++service.reflected;
            return Verdict::drop;
        }
        if (!must_decide && !takes_clients(endpoint)) return Verdict::leave;
        auto answer = service.gate->admit(limits, peer, loop_.now());
        if (const auto* refusal = std::get_if<Refusal>(&answer)) {
            note_refusal(service, peer, *refusal);
            return Verdict::drop;
        }
        leases.push_back(std::make_shared<Slot>(std::get<Slot>(std::move(answer))));
        return Verdict::serve;
    };
    auto batch =
        splitter_.split(endpoint.listener->fd(), endpoint.spec(), service.config->socket, decide);
    for (const std::string& error : batch.errors) {
        if (service.exhaustion_notes.pass(loop_.now())) log::error("{}: {}", service.name(), error);
    }
    for (std::size_t i = 0; i < batch.peers.size(); ++i) {
        PeerSocket& socket = batch.peers[i];
        if (!socket.fd) continue;
        launcher_.launch({.service = service,
                          .socket = socket.fd.get(),
                          .peer = socket.peer,
                          .local = socket.local,
                          .lease = std::move(leases[i])});
    }
    if (batch.exhausted) {
        pause(endpoint, endpoint.accept_backoff.next());
    } else if (!batch.peers.empty()) {
        endpoint.accept_backoff.reset();
    }
}

bool Acceptor::serve_muxed(Fd& fd, const SocketAddress& peer, const std::string& name,
                           std::shared_ptr<void>& lease) {
    Service* service = find_muxed_(name);
    if (service == nullptr) return false;
    const Limits& limits = service->config->limits;
    if (!service->gate->room(limits, loop_.now())) {
        mux_reply(fd.get(), "-Service busy");
        if (service->full_notes.pass(loop_.now()))
            log::notice("{}: no room for more instances, refused {}", service->name(),
                        peer.unmapped().host());
        fd.reset();
        return false;
    }
    auto answer = service->gate->admit(limits, peer, loop_.now());
    if (const auto* refusal = std::get_if<Refusal>(&answer)) {
        note_refusal(*service, peer, *refusal);
        return false;
    }
    if (service->config->mux_greets && !mux_reply(fd.get(), kMuxGo)) return false;
    lease = std::make_shared<Slot>(std::get<Slot>(std::move(answer)));
    const Fd own = std::move(fd);
    SocketAddress local;
    socklen_t size = SocketAddress::kRoom;
    if (getsockname(own.get(), local.room(), &size) == 0) local.set_size(size);
    launcher_.launch({.service = *service,
                      .socket = own.get(),
                      .peer = peer,
                      .local = local,
                      .lease = std::move(lease)});
    return true;
}

} // namespace inetd
