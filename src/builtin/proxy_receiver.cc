#include "builtin/proxy_receiver.h"

#include "builtin/proxy_header.h"

#include <array>
#include <cerrno>
#include <sys/socket.h>
#include <system_error>
#include <utility>

namespace inetd {

struct ProxyReceiver::Guest {
    explicit Guest(Arrival&& from) : arrival(std::move(from)) {}

    TimePoint touched;
    Arrival arrival;
    std::string header; // as much of it as was taken
    Watch watch;        // after the descriptor, so that it goes first
};

ProxyReceiver::ProxyReceiver(EventLoop& loop, Duration timeout)
    : loop_(loop),
      guests_(loop, timeout, [this](Handle guest) { fail(guest, Fault::timed_out); }) {}

ProxyReceiver::~ProxyReceiver() = default;

std::size_t ProxyReceiver::count() const {
    return guests_.size();
}

void ProxyReceiver::stop_all() {
    guests_.clear();
}

void ProxyReceiver::start(Arrival arrival) {
    const Handle guest = guests_.add(std::move(arrival));
    try {
        guest->watch = loop_.watch(guest->arrival.fd.get(), EPOLLIN,
                                   [this, guest](std::uint32_t) { read(guest); });
    } catch (const std::system_error&) {
        // epoll(7): ENOSPC beyond max_user_watches, ENOMEM; one client's trouble.
        return guests_.remove(guest);
    }
    // The header mostly comes with the connection.
    read(guest);
}

void ProxyReceiver::fail(Handle guest, Fault fault) {
    const SocketAddress balancer = guest->arrival.balancer;
    const auto failed = std::move(guest->arrival.failed);
    guests_.remove(guest);
    failed(balancer, fault);
}

// Takes what is certainly part of the header and nothing else. What is peeked at is taken in the
// same turn, so that a level-triggered epoll does not report it for ever.
void ProxyReceiver::read(Handle guest) {
    Arrival& arrival = guest->arrival;
    const std::size_t taken = guest->header.size();
    std::array<char, ProxyHeader::kLongest> bytes;
    const ssize_t waiting =
        recv(arrival.fd.get(), bytes.data(), bytes.size() - taken, MSG_PEEK | MSG_DONTWAIT);
    if (waiting < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (waiting <= 0) return guests_.remove(guest);
    guest->header.append(bytes.data(), static_cast<std::size_t>(waiting));
    const ProxyHeader header = parse_proxy_header(guest->header);
    if (header.state == ProxyHeader::State::bad) return fail(guest, Fault::bad_header);
    const bool complete = header.state == ProxyHeader::State::complete;
    const std::size_t share = complete ? header.size - taken : static_cast<std::size_t>(waiting);
    if (recv(arrival.fd.get(), bytes.data(), share, MSG_DONTWAIT) != static_cast<ssize_t>(share))
        return guests_.remove(guest);
    if (!complete) return;
    arrival.peer = header.source.value_or(arrival.balancer);
    if (header.destination) arrival.local = *header.destination;
    guest->watch.reset();
    Arrival done = std::move(arrival);
    guests_.remove(guest);
    const auto arrived = std::move(done.arrived);
    arrived(std::move(done));
}

} // namespace inetd
