#include "server/lender.h"

#include "log/log.h"
#include "net/socket.h"

#include <chrono>

// The socket of a wait service is one open file description in two processes. While it is lent the
// daemon neither watches it nor touches its mode, which both would share; it is made blocking
// before, as a server expects, and non-blocking after, whatever the server has made of it.

namespace inetd {

using namespace std::chrono_literals;

Lender::Lender(EventLoop& loop, Launcher& launcher, std::function<void(Endpoint&)> arm)
    : loop_(loop), launcher_(launcher), arm_(std::move(arm)) {
    launcher_.on_give_back([this](Endpoint& endpoint, const ChildEnd& end, Duration lasted) {
        take_back(endpoint, end, lasted);
    });
}

void Lender::lend(Endpoint& endpoint) {
    Service& service = *endpoint.service;
    Limits limits = service.config->limits;
    limits.per_source = 0; // only the server will see who is there
    limits.source_rate = {};
    limits.overflow = Overflow::queue; // whoever waits, waits for the server
    auto answer = service.gate->admit(limits, {}, loop_.now());
    std::shared_ptr<void> lease = std::make_shared<Slot>(std::get<Slot>(std::move(answer)));

    const int fd = endpoint.listener->fd();
    endpoint.watch.reset();
    set_blocking(fd, true);
    endpoint.lent_to = launcher_.launch({.service = service,
                                         .socket = fd,
                                         .peer = {},
                                         .local = endpoint.spec().address,
                                         .lease = std::move(lease),
                                         .lent = endpoint.weak_from_this()});
    if (endpoint.lent_to != 0) return;
    set_blocking(fd, false);
    endpoint.not_before = Clock::now() + endpoint.death_backoff.next();
    arm_(endpoint);
}

void Lender::take_back(Endpoint& endpoint, const ChildEnd& end, Duration lasted) {
    if (endpoint.lent_to != end.pid || !endpoint.listener) return;
    endpoint.lent_to = 0;
    set_blocking(endpoint.listener->fd(), false);
    judge(endpoint, end, lasted);
    arm_(endpoint);
}

// The same datagram at the head of the queue as after the server before is proof that nothing was
// taken. Of connections one sees only how many wait, and others may have come meanwhile; so a
// server that says it went well is believed for a while.
void Lender::judge(Endpoint& endpoint, const ChildEnd& end, Duration lasted) {
    static constexpr unsigned kBelieved = 8;
    const auto head = look_at_queue(endpoint.listener->fd());
    const bool untouched = head && endpoint.left_over && head->untouched_since(*endpoint.left_over);
    endpoint.left_over = head;
    if (!untouched || lasted > 10s) {
        endpoint.idle_deaths = 0;
        if (!head || endpoint.is_datagram()) endpoint.death_backoff.reset();
        return;
    }
    const bool proof = endpoint.is_datagram() || !end.succeeded();
    if (!proof && ++endpoint.idle_deaths < kBelieved) return;
    const Duration wait = endpoint.death_backoff.next();
    log::warning("{}: pid {} ended ({}) without taking what came in; trying again in {:.1f} s",
                 endpoint.service->name(), end.pid, end.text(),
                 std::chrono::duration<double>(wait).count());
    endpoint.not_before = Clock::now() + wait;
}

} // namespace inetd
