#include "builtin/relay.h"

#include <cstring>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <utility>

namespace inetd {

// Two pointers of its list node come on top.
static_assert(sizeof(Relay) <= 256);

Relay::Relay(ServiceConfigPtr service, Fd connection, const SocketAddress& from,
             std::shared_ptr<void> lease, TimePoint now)
    : touched(now), service_(std::move(service)), lease_(std::move(lease)), started_(now) {
    client.fd = std::move(connection);
    if (from.family() != AF_UNIX && from.size() <= peer_.size()) {
        std::memcpy(peer_.data(), from.data(), from.size());
        peer_size_ = static_cast<std::uint8_t>(from.size());
    }
}

Relay::Relay(const RelayState& state, std::shared_ptr<void> lease, PipePool& pool)
    : Relay(state.service, Fd(state.client), state.peer, std::move(lease), state.started) {
    target.fd.reset(state.target);
    client.gone = state.client_gone;
    target.gone = state.target_gone;
    up = Flow(state.up, pool);
    down = Flow(state.down, pool);
}

RelayState Relay::state() const {
    return {.service = service_,
            .peer = SocketAddress(peer_.data(), peer_size_),
            .started = started_,
            .client = client.fd.get(),
            .target = attempt ? -1 : target.fd.get(),
            .client_gone = client.gone,
            .target_gone = target.gone,
            .up = up.state_to_hand_over(),
            .down = down.state_to_hand_over()};
}

SocketAddress Relay::peer() const {
    if (peer_size_ > 0) return {peer_.data(), peer_size_};
    return SocketAddress::peer_of(client.fd.get()).value_or(SocketAddress());
}

bool Relay::pump(PipePool& pool) {
    // What is meant for a side that is gone can go nowhere.
    if (client.gone) down.drop(pool);
    if (target.gone) up.drop(pool);
    const bool moved_up = up.pump(client.fd.get(), target.fd.get(), pool);
    const bool moved_down = down.pump(target.fd.get(), client.fd.get(), pool);
    return moved_up || moved_down;
}

bool Relay::over() const {
    return error() != 0 || (up.state() == Flow::State::over && down.state() == Flow::State::over);
}

int Relay::error() const {
    return up.error() != 0 ? up.error() : down.error();
}

bool Relay::starved() const {
    return up.state() == Flow::State::starved || down.state() == Flow::State::starved;
}

// A side that is gone is not watched any more, as epoll would report that without end; what it left
// to be read goes on whenever the other side can take it.
std::uint32_t Relay::events(const Side& side, const Flow& from_it, const Flow& to_it,
                            const Side& other) {
    if (side.gone) return 0;
    std::uint32_t events = from_it.state() == Flow::State::input ? EPOLLIN : 0U;
    if (to_it.state() == Flow::State::output) events |= EPOLLOUT;
    if (other.gone && to_it.state() == Flow::State::input) events |= EPOLLOUT;
    return events;
}

void reset_at_close(const Fd& fd) {
    // socket(7): with a linger of no time close(2) drops what is unsent and, on TCP, resets.
    const linger now{.l_onoff = 1, .l_linger = 0};
    setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

void Relay::finish(PipePool& pool, bool abort) {
    if (abort || up.held() != 0 || up.error() != 0) reset_at_close(target.fd);
    if (abort || down.held() != 0 || down.error() != 0 || up.error() != 0)
        reset_at_close(client.fd);
    if (down.error() != 0) reset_at_close(target.fd);
    up.drop(pool);
    down.drop(pool);
}

} // namespace inetd
