#include "server/peers.h"

#include "builtin/reflection.h"
#include "log/log.h"

#include <utility>
#include <vector>

namespace inetd {

void Peers::receive(Endpoint& endpoint) {
    using Verdict = PeerSplitter::Verdict;
    Service& service = *endpoint.service;
    std::vector<std::shared_ptr<void>> leases;
    const auto decide = [&](const SocketAddress& peer) {
        // Not the service's own port: servers of NTP and syslog talk to their like from it.
        if (may_reflect(*peer.data(), {})) {
            admission_.gate_of(service)->count(Refusal::reflection, loop_.now());
            return Verdict::drop;
        }
        if (service.screened && !screening_.admits_sender(service, peer)) return Verdict::drop;
        if (!admission_.takes_clients(endpoint)) return Verdict::leave;
        auto lease = admission_.admit(service, peer);
        if (!lease) return Verdict::drop;
        leases.push_back(std::move(lease));
        return Verdict::serve;
    };
    std::vector<HeldDatagram> held;
    if (endpoint.setback) held.swap(endpoint.setback->held);
    auto batch = splitter_.split(endpoint.listener.fd(), endpoint.spec(),
                                 service.config->terms->socket, decide, held);
    if (!held.empty()) endpoint.setback.get().held = std::move(held);
    for (const std::string& error : batch.errors) {
        if (service.notes.get().exhausted.pass(loop_.now()))
            log::error({.service = service.name()}, "{}: {}", service.name(), error);
    }
    bool served = false;
    for (std::size_t i = 0; i < batch.peers.size(); ++i) {
        if (!batch.peers[i].fd) continue;
        served = true;
        auto correspondence = std::make_shared<Correspondence>();
        correspondence->socket = std::move(batch.peers[i]);
        correspondence->endpoint = endpoint.weak();
        correspondence->lease = std::move(leases[i]);
        serve(service, correspondence);
    }
    // Children that end give their descriptors back soon: as long as some peers find room, the
    // others wait for the shortest time only.
    if (served && endpoint.setback) endpoint.setback->accept_backoff.reset();
    if (batch.exhausted) admission_.pause(endpoint, endpoint.setback.get().accept_backoff.next());
}

void Peers::serve(Service& service, const std::shared_ptr<Correspondence>& correspondence) {
    const PeerSocket& socket = correspondence->socket;
    launcher_.launch(
        {.service = service,
         .gate = admission_.gate_of(service),
         .socket = socket.fd.get(),
         .peer = socket.peer,
         .local = socket.local,
         .lease = correspondence->lease,
         .since = loop_.now(),
         .at_end = [this, correspondence](const ChildEnd&, Duration) { ended(correspondence); },
         .endpoint = correspondence->endpoint,
         .own_socket = socket.fd.get()});
}

std::function<void(const ChildEnd&, Duration lasted)>
Peers::resume(const std::shared_ptr<Endpoint>& endpoint, PeerSocket socket,
              std::shared_ptr<void> lease) {
    auto correspondence = std::make_shared<Correspondence>();
    socket.presence = splitter_.note_presence(socket.peer, socket.local);
    correspondence->socket = std::move(socket);
    correspondence->endpoint = endpoint;
    correspondence->lease = std::move(lease);
    return [this, correspondence](const ChildEnd&, Duration) { ended(correspondence); };
}

// A datagram that came while the child was on its way out is served by another one. If a child has
// left the very datagram that the one before it had left, nobody wants it.
void Peers::ended(const std::shared_ptr<Correspondence>& correspondence) {
    const auto endpoint = correspondence->endpoint.lock();
    const auto& before = correspondence->left_over;
    const auto head = look_at_queue(correspondence->socket.fd.get(), SOCK_DGRAM, before);
    if (!head || !endpoint) return;
    if (before && head->untouched_since(*before)) {
        const Service& service = *endpoint->service;
        log::warning({.service = service.name(), .peer = &correspondence->socket.peer},
                     "{}: a datagram of {} is dropped: the server does not read it", service.name(),
                     correspondence->socket.peer.to_string());
        return;
    }
    correspondence->left_over = head;
    serve(*endpoint->service, correspondence);
}

} // namespace inetd
