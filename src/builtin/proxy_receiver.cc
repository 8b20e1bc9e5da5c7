#include "builtin/proxy_receiver.h"

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
    std::string header; // as much of it as was taken, and then what the parser is asked about
    std::size_t taken = 0;
    Watch watch; // after the descriptor, so that it goes first; none while the parser is asked
    std::shared_ptr<void> question;
};

ProxyReceiver::ProxyReceiver(EventLoop& loop, AskParser ask, Duration timeout)
    : loop_(loop),
      ask_(std::move(ask)),
      guests_(loop, timeout, [this](Handle guest) { fail(guest, Fault::timed_out); }) {}

ProxyReceiver::~ProxyReceiver() = default;

std::size_t ProxyReceiver::count() const {
    return guests_.size();
}

void ProxyReceiver::stop_all() {
    guests_.clear();
}

void ProxyReceiver::start(Arrival arrival) {
    // The header mostly comes with the connection.
    read(guests_.add(std::move(arrival)));
}

void ProxyReceiver::wait(Handle guest) {
    if (guest->watch) return;
    try {
        guest->watch = loop_.watch(guest->arrival.fd.get(), EPOLLIN,
                                   [this, guest](std::uint32_t) { read(guest); });
    } catch (const std::system_error&) {
        // epoll(7): ENOSPC beyond max_user_watches, ENOMEM; one client's trouble.
        guests_.remove(guest);
    }
}

void ProxyReceiver::fail(Handle guest, Fault fault) {
    const SocketAddress balancer = guest->arrival.balancer;
    const auto failed = std::move(guest->arrival.failed);
    guests_.remove(guest);
    failed(balancer, fault);
}

// Without a watch meanwhile: level-triggered epoll would report for ever what is only peeked at,
// and the end of a balancer that has sent everything already.
void ProxyReceiver::read(Handle guest) {
    std::array<char, ProxyHeader::kLongest> bytes;
    const ssize_t waiting = recv(guest->arrival.fd.get(), bytes.data(), bytes.size() - guest->taken,
                                 MSG_PEEK | MSG_DONTWAIT);
    if (waiting < 0 && (errno == EAGAIN || errno == EINTR)) return wait(guest);
    if (waiting <= 0) return guests_.remove(guest);
    guest->watch.reset();
    guest->header.append(bytes.data(), static_cast<std::size_t>(waiting));
    guest->question = ask_({.kind = ParserQuestion::Kind::proxy_header, .bytes = guest->header},
                           [this, guest](const ParserReply& reply) { take(guest, reply); });
}

// Takes what is certainly part of the header and nothing else.
void ProxyReceiver::take(Handle guest, const ParserReply& reply) {
    const auto* header = std::get_if<ProxyHeader>(&reply);
    // What the parser dies of, or is not done with, is no header either.
    if (header == nullptr || header->state == ProxyHeader::State::bad)
        return fail(guest, Fault::bad_header);
    const bool complete = header->state == ProxyHeader::State::complete;
    const std::size_t end = complete ? header->size : guest->header.size();
    // What was taken before was not the end of it, as the parser said itself.
    if (end <= guest->taken) return guests_.remove(guest);
    const std::size_t share = end - guest->taken;
    std::array<char, ProxyHeader::kLongest> bytes;
    const ssize_t got = recv(guest->arrival.fd.get(), bytes.data(), share, MSG_DONTWAIT);
    if (got != static_cast<ssize_t>(share)) return guests_.remove(guest);
    if (complete) return pass_on(guest, *header);
    guest->taken = end;
    wait(guest);
}

void ProxyReceiver::pass_on(Handle guest, const ProxyHeader& header) {
    Arrival done = std::move(guest->arrival);
    guests_.remove(guest);
    done.peer = header.source.value_or(done.balancer);
    if (header.destination) done.local = *header.destination;
    const auto arrived = std::move(done.arrived);
    arrived(std::move(done));
}

} // namespace inetd
