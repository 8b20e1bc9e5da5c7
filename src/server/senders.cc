#include "server/senders.h"

#include "builtin/datagrams.h"
#include "net/first_datagram.h"
#include "policy/refusal.h"

#include <cerrno>
#include <cstdint>

namespace inetd {

// Where several datagrams came at once, more are on their way, and are found sooner by reading than
// by epoll. But the other services must not wait for long.
static constexpr int kBatchesPerRound = 4;

// As many as the built-in services take in a round.
static constexpr int kRefusedInRound = 32;

Senders::Admits Senders::rule_of(Service& service) {
    if (!service.screened && admission_.outcasts().size() == 0) return {};
    return [this, &service](const SocketAddress& sender) {
        if (admission_.refuses_outcast(service, sender, -1)) return false;
        return !service.screened || screening_.admits_sender(service, sender);
    };
}

void Senders::answer(Endpoint& endpoint) {
    for (int i = 0; i < kBatchesPerRound && answer_batch(endpoint) > 1; ++i) {
    }
}

unsigned Senders::answer_batch(Endpoint& endpoint) {
    Service& service = *endpoint.service;
    const auto port = static_cast<std::uint16_t>(endpoint.spec().address.port());
    const DatagramStats stats =
        answer_datagrams(endpoint.listener.fd(), service.config->builtin, port, rule_of(service));
    if (stats.received != 0) {
        endpoint.setback.reset();
    } else if (stats.error == ENOMEM || stats.error == ENOBUFS) {
        admission_.exhausted(endpoint, "recvmmsg", stats.error);
        return 0;
    }
    Gate& gate = *admission_.gate_of(service);
    gate.count(Refusal::reflection, loop_.now(), stats.reflected);
    Tally& tally = gate.tally();
    tally.datagrams += stats.received;
    tally.bytes_in += stats.bytes_in;
    tally.bytes_out += stats.bytes_out;
    if (stats.last_refused && service.notes.get().refused.pass(loop_.now()))
        client_log_.refused({.config = service.config,
                             .peer = *stats.last_refused,
                             .host = stats.last_refused->unmapped().to_string(),
                             .why = refusal_text(Refusal::reflection),
                             .key = refusal_key(Refusal::reflection)});
    return stats.received;
}

// Nobody else reads the socket while it is not lent, so what is taken is what was looked at: but
// for a process that a server has left behind, which is one datagram of somebody, as UDP may lose
// one.
bool Senders::await_server(Endpoint& endpoint) {
    const Admits admits = rule_of(*endpoint.service);
    if (!admits) return true;
    const int fd = endpoint.listener.fd();
    for (int refused = 0; refused < kRefusedInRound; ++refused) {
        const auto sender = first_sender(fd);
        if (!sender) return false;
        if (admits(*sender)) return true;
        drop_first_datagram(fd);
    }
    return false;
}

} // namespace inetd
