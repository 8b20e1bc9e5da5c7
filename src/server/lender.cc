#include "server/lender.h"

#include "base/seconds.h"
#include "log/log.h"
#include "net/socket.h"
#include "process/pidfd.h"

#include <chrono>
#include <system_error>
#include <utility>

// The socket of a wait service is one open file description in two processes. While it is lent the
// daemon neither watches it nor touches its mode, which both would share; it is made blocking
// before, as a server expects, and non-blocking after, whatever the server has made of it. A server
// can also shut it down, connect it or filter it; that is undone, as the next one needs it whole.
//
// The server's end and a reload may come in either order, also in one round, where SIGHUP is read
// before SIGCHLD. The end knows the endpoint, weakly, and the pid, and both are looked at:
//   the end first           the socket is watched again, and the reload finds it like any other
//   the line stays          the endpoint goes on under its new service and stays lent; the end
//   gives
//                           it to the new form, which may be `nowait` or a built-in by then
//   the line goes           the endpoint dies, and with it its loan; the end finds nobody. The
//                           server has the socket for itself, and a line that comes again cannot
//                           bind before it has ended: a retry like any other
//   disabled, stopped       the endpoint lives without a socket and is lent to nobody; it may have
//                           another socket, lent to another server, when the end comes
// The pid cannot be another server's: it is not free before the end was reaped, which is once.

namespace inetd {

using namespace std::chrono_literals;

void Lender::lend(Endpoint& endpoint) {
    Service& service = *endpoint.service;
    const int fd = endpoint.listener.fd();
    endpoint.watch.reset();
    endpoint.listener.lend();
    endpoint.lent_to = launcher_.launch({.service = service,
                                         .gate = admission_.gate_of(service),
                                         .socket = fd,
                                         .peer = {},
                                         .local = endpoint.spec().address,
                                         .lease = admission_.admit_server(service),
                                         .since = loop_.now(),
                                         .at_end = when_ended(endpoint),
                                         .endpoint = endpoint.weak()});
    admission_.feed().changed(service);
    if (endpoint.lent_to != 0) {
        if (endpoint.setback) endpoint.setback->accept_backoff.reset();
        return watch_for_others(endpoint);
    }
    set_blocking(fd, false);
    admission_.pause(endpoint, endpoint.setback.get().death_backoff.next());
}

std::function<void(const ChildEnd&, Duration lasted)> Lender::when_ended(Endpoint& endpoint) {
    return [this, lent = endpoint.weak()](const ChildEnd& end, Duration lasted) {
        if (const auto back = lent.lock()) take_back(*back, end, lasted);
    };
}

std::function<void(const ChildEnd&, Duration lasted)> Lender::resume(Endpoint& endpoint,
                                                                     pid_t pid) {
    endpoint.lent_to = pid;
    endpoint.watch.reset();
    // What find_borrower() took it for: it is our own child, and counted as one.
    forget(endpoint);
    // The binary before may not have come to note it.
    watch_for_others(endpoint);
    note(endpoint);
    return when_ended(endpoint);
}

void Lender::take_back(Endpoint& endpoint, const ChildEnd& end, Duration lasted) {
    if (endpoint.lent_to != end.pid || !endpoint.listener) return;
    if (!give_back(endpoint)) return;
    // Whoever waits already need not wait for another round.
    if (judge(endpoint, end, lasted) && endpoint.service->config->wait) {
        admission_.answer(endpoint);
        if (endpoint.lent_to != 0) return;
    }
    listen_again(endpoint);
}

bool Lender::give_back(Endpoint& endpoint) {
    endpoint.lent_to = 0;
    forget(endpoint);
    return admission_.repair(endpoint);
}

void Lender::listen_again(Endpoint& endpoint) {
    set_blocking(endpoint.listener.fd(), false);
    admission_.arm(endpoint);
}

// Most servers of datagrams end at once, and nobody need hear of those.
void Lender::watch_for_others(Endpoint& endpoint) {
    if (!keeper_.remembers()) return;
    endpoint.loan = std::make_unique<Loan>();
    endpoint.loan->pidfd = open_process(endpoint.lent_to);
    endpoint.loan->timer = loop_.after(1s, [this, &endpoint] { note(endpoint); });
}

void Lender::note(Endpoint& endpoint) {
    if (!endpoint.loan || endpoint.loan->noted || !endpoint.loan->pidfd) return;
    endpoint.loan->noted = true;
    keeper_.note_server(endpoint.spec(), endpoint.loan->pidfd.get());
}

void Lender::forget(Endpoint& endpoint) {
    if (endpoint.loan && endpoint.loan->noted) keeper_.forget_server(endpoint.spec());
    endpoint.loan.reset();
}

void Lender::find_borrower(Endpoint& endpoint) {
    auto borrower = keeper_.take_server(endpoint.spec());
    if (!borrower || !borrower->pidfd) return;
    Service& service = *endpoint.service;
    const auto pid =
        borrower->child != 0 ? std::optional(borrower->child) : process_of(borrower->pidfd.get());
    endpoint.loan = std::make_unique<Loan>();
    endpoint.loan->pidfd = std::move(borrower->pidfd);
    endpoint.loan->noted = true;
    if (!pid) {
        if (give_back(endpoint)) set_blocking(endpoint.listener.fd(), false);
        return;
    }
    log::info({.service = service.name()},
              "{}: pid {}, started by the daemon before, has the socket", service.name(), *pid);
    endpoint.lent_to = *pid;
    endpoint.loan->lease = admission_.admit_server(service);
    watch_borrower(endpoint);
}

void Lender::watch_borrower(Endpoint& endpoint) {
    try {
        endpoint.loan->watch =
            loop_.watch(endpoint.loan->pidfd.get(), EPOLLIN, [this, &endpoint](std::uint32_t) {
                log::info({.service = endpoint.service->name()}, "{}: pid {} ended",
                          endpoint.service->name(), endpoint.lent_to);
                if (give_back(endpoint)) listen_again(endpoint);
            });
    } catch (const std::system_error&) {
        // epoll_ctl(2): ENOSPC, ENOMEM. What has ended is still found then.
        endpoint.loan->timer = loop_.after(1s, [this, &endpoint] { watch_borrower(endpoint); });
    }
}

// What waited after the server before and waits still is proof that nothing was taken. Where the
// kernel only tells how many wait, others may have come meanwhile; so a server that says it went
// well is believed for a while.
bool Lender::judge(Endpoint& endpoint, const ChildEnd& end, Duration lasted) {
    static constexpr unsigned kBelieved = 8;
    static constexpr Duration kAWhile = std::chrono::seconds(10);
    Lazy<Setback>& kept = endpoint.setback;
    const auto before = kept ? std::exchange(kept->left_over, std::nullopt) : std::nullopt;
    const auto head = look_at_queue(endpoint.listener.fd(), endpoint.spec().type, before);
    if (!head) {
        kept.reset();
        return false;
    }
    Setback& setback = kept.get();
    setback.left_over = head;
    const bool untouched = before && head->untouched_since(*before);
    if (!untouched || lasted > kAWhile) {
        setback.idle_deaths = 0;
        setback.death_backoff.reset();
        return true;
    }
    const bool proof = (head->exact() && before->exact()) || !end.succeeded();
    if (!proof && ++setback.idle_deaths < kBelieved) return true;
    const Duration wait = setback.death_backoff.next();
    log::warning(
        {.event = log::Event::left_unread, .service = endpoint.service->name(), .pid = end.pid},
        "{}: pid {} ended ({}) without taking what came in; trying again in {:.1f} s",
        endpoint.service->name(), end.pid, end.text(), seconds(wait));
    setback.not_before = Clock::now() + wait;
    return false;
}

} // namespace inetd
