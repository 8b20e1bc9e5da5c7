#include "server/lender.h"

#include "log/log.h"
#include "net/socket.h"

#include <chrono>
#include <utility>

// The socket of a wait service is one open file description in two processes. While it is lent the
// daemon neither watches it nor touches its mode, which both would share; it is made blocking
// before, as a server expects, and non-blocking after, whatever the server has made of it.

namespace inetd {

using namespace std::chrono_literals;

void Lender::lend(Endpoint& endpoint) {
    Service& service = *endpoint.service;
    const int fd = endpoint.listener->fd();
    endpoint.watch.reset();
    set_blocking(fd, true);
    endpoint.lent_to = launcher_.launch(
        {.service = service,
         .socket = fd,
         .peer = {},
         .local = endpoint.spec().address,
         .lease = admission_.admit_server(service),
         .at_end = [this, lent = endpoint.weak_from_this()](const ChildEnd& end, Duration lasted) {
             if (const auto back = lent.lock()) take_back(*back, end, lasted);
         }});
    if (endpoint.lent_to != 0) return;
    set_blocking(fd, false);
    admission_.pause(endpoint, endpoint.death_backoff.next());
}

void Lender::take_back(Endpoint& endpoint, const ChildEnd& end, Duration lasted) {
    if (endpoint.lent_to != end.pid || !endpoint.listener) return;
    endpoint.lent_to = 0;
    set_blocking(endpoint.listener->fd(), false);
    judge(endpoint, end, lasted);
    admission_.arm(endpoint);
}

// What waited after the server before and waits still is proof that nothing was taken. Where the
// kernel only tells how many wait, others may have come meanwhile; so a server that says it went
// well is believed for a while.
void Lender::judge(Endpoint& endpoint, const ChildEnd& end, Duration lasted) {
    static constexpr unsigned kBelieved = 8;
    const auto head = look_at_queue(endpoint.listener->fd());
    const auto before = std::exchange(endpoint.left_over, head);
    const bool untouched = head && before && head->untouched_since(*before);
    if (!untouched || lasted > 10s) {
        endpoint.idle_deaths = 0;
        endpoint.death_backoff.reset();
        return;
    }
    const bool proof = (head->exact() && before->exact()) || !end.succeeded();
    if (!proof && ++endpoint.idle_deaths < kBelieved) return;
    const Duration wait = endpoint.death_backoff.next();
    log::warning(
        {.event = log::Event::left_unread, .service = endpoint.service->name(), .pid = end.pid},
        "{}: pid {} ended ({}) without taking what came in; trying again in {:.1f} s",
        endpoint.service->name(), end.pid, end.text(), std::chrono::duration<double>(wait).count());
    endpoint.not_before = Clock::now() + wait;
}

} // namespace inetd
