#include "builtin/relays.h"

#include <cerrno>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <system_error>
#include <utility>

// The life of a relay: an attempt at each address of the target, until one answers, and then turns.
// Meanwhile what the client sends waits in its kernel. end() calls back into the owner, who may
// destroy us: nothing may be touched after it.

namespace inetd {

using namespace std::chrono_literals;

static constexpr Duration kRetry = 50ms; // of what no event tells

Relays::Relays(EventLoop& loop, Options options, Handlers handlers)
    : loop_(loop),
      options_(options),
      handlers_(std::make_shared<const Handlers>(std::move(handlers))),
      pipes_(options.most_pipes) {}

Relays::~Relays() = default;

Relays::List& Relays::list_of(const ServiceConfig& service) {
    const Duration limit = service.terms->idle_timeout;
    const auto at = lists_.try_emplace(
        limit, loop_, limit, [this](Handle relay) { end(relay, SessionEnd::Reason::idle, 0); });
    return at.first->second;
}

std::size_t Relays::count() const {
    std::size_t count = 0;
    for (const auto& [limit, list] : lists_)
        count += list.size();
    return count;
}

// What is not TCP refuses the first, which does no harm. The second lets Flow find an urgent byte
// among the others.
static void set_options(const Fd& fd) {
    const int on = 1;
    setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd.get(), SOL_SOCKET, SO_OOBINLINE, &on, sizeof on);
}

void Relays::start(ServiceConfigPtr service, Fd client, const SocketAddress& peer,
                   std::shared_ptr<void> lease) {
    List& list = list_of(*service);
    const Handle relay =
        list.add(std::move(service), std::move(client), peer, std::move(lease), loop_.now());
    set_options(relay->client.fd);
    relay->attempt = std::make_unique<Relay::Attempt>();
    begin(relay);
}

std::vector<RelayState> Relays::states() const {
    std::vector<RelayState> states;
    for (const auto& [limit, list] : lists_) {
        for (const Relay& relay : list)
            states.push_back(relay.state());
    }
    return states;
}

void Relays::each(const std::function<void(const SessionBytes&)>& look) const {
    for (const auto& [limit, list] : lists_)
        for (const Relay& relay : list)
            look({relay.lease(), relay.up.bytes(), relay.down.bytes()});
}

void Relays::resume(const RelayState& state, std::shared_ptr<void> lease) {
    const Handle relay = list_of(*state.service).add(state, std::move(lease), pipes_);
    set_options(relay->client.fd); // which a binary before us may have done without
    if (relay->target.fd) set_options(relay->target.fd);
    if (!relay->target.fd) {
        if (!state.service->terms->relay) return end(relay, SessionEnd::Reason::unreachable, 0);
        relay->attempt = std::make_unique<Relay::Attempt>();
    }
    begin(relay);
}

void Relays::watch_target(Handle relay, std::uint32_t events) {
    relay->target.events = events;
    relay->target.watch =
        loop_.watch(relay->target.fd.get(), events, [this, relay](std::uint32_t seen) {
            if (relay->attempt) return on_connected(relay);
            turn(relay, relay->target, seen);
        });
}

void Relays::limit(Handle relay) {
    const Duration most = relay->service()->terms->session_timeout;
    if (most == Duration::zero()) return;
    deadlines_[&*relay] = loop_.after(relay->started() + most - Clock::now(), [this, relay] {
        end(relay, SessionEnd::Reason::timeout, 0);
    });
}

void Relays::begin(Handle relay) {
    limit(relay);
    try {
        // Also for a client that goes away before there is a target.
        if (!relay->client.gone)
            relay->client.watch =
                loop_.watch(relay->client.fd.get(), 0, [this, relay](std::uint32_t events) {
                    turn(relay, relay->client, events);
                });
        if (!relay->attempt && !relay->target.gone) watch_target(relay, 0);
    } catch (const std::system_error& error) {
        // epoll(7): ENOSPC beyond max_user_watches, ENOMEM; one client's trouble, not the daemon's.
        return end(relay, SessionEnd::Reason::error, error.code().value());
    }
    if (relay->attempt) return connect_next(relay);
    go_on(relay);
}

void Relays::connect_next(Handle relay) {
    Relay::Attempt& attempt = *relay->attempt;
    const auto& addresses = relay->service()->terms->relay->addresses;
    if (attempt.give_up == TimePoint()) attempt.give_up = Clock::now() + options_.connect_timeout;
    if (!connect_now(relay, addresses[attempt.next])) failed(relay, errno);
}

// False, with errno, if there is no hope for this address.
bool Relays::connect_now(Handle relay, const SocketAddress& address) {
    Relay::Side& target = relay->target;
    target.fd.reset(socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!target.fd) return false;
    set_options(target.fd);
    const bool done = connect(target.fd.get(), address.data(), address.size()) == 0;
    const bool full = !done && errno == EAGAIN;
    if (!done && !full && errno != EINPROGRESS) return false;
    Timer& timer = relay->attempt->timer;
    if (full) {
        // unix(7): the queue of the target's socket is, and no event tells when it is not any more.
        if (Clock::now() >= relay->attempt->give_up) return false;
        timer = loop_.after(kRetry, [this, relay] { connect_next(relay); });
        return true;
    }
    try {
        watch_target(relay, EPOLLOUT);
    } catch (const std::system_error& error) {
        errno = error.code().value();
        return false;
    }
    // What is connected already is reported as well.
    timer = loop_.after(relay->attempt->give_up - Clock::now(),
                        [this, relay] { failed(relay, ETIMEDOUT); });
    return true;
}

// The port that the kernel chose for our end may be the very one that is asked for, if nobody
// listens there: then TCP has connected the socket with itself, and the target could not be
// started.
static bool met_itself(const Fd& fd, const SocketAddress& asked) {
    if (!asked.is_ip()) return false;
    const auto own = SocketAddress::bound_to(fd.get());
    if (!own || own->port() != asked.port()) return false;
    // An address that was asked for need not be the one connected to, as 0.0.0.0 is not.
    return SocketAddress::peer_of(fd.get()) == own;
}

void Relays::on_connected(Handle relay) {
    const Fd& fd = relay->target.fd;
    int code = 0;
    socklen_t size = sizeof code;
    if (getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &code, &size) != 0) code = errno;
    const SocketAddress& asked = relay->service()->terms->relay->addresses[relay->attempt->next];
    if (code == 0 && met_itself(fd, asked)) {
        reset_at_close(fd); // or the port would be in use for a minute more
        code = ECONNREFUSED;
    }
    if (code != 0) return failed(relay, code);
    relay->attempt.reset();
    list_of(*relay->service()).touch(relay);
    go_on(relay);
}

void Relays::failed(Handle relay, int code) {
    Relay::Attempt& attempt = *relay->attempt;
    const ServiceConfig& service = *relay->service();
    relay->target.watch.reset();
    relay->target.fd.reset();
    if (handlers_->unreachable)
        handlers_->unreachable(service, service.terms->relay->addresses[attempt.next], code);
    if (++attempt.next == service.terms->relay->addresses.size())
        return end(relay, SessionEnd::Reason::unreachable, code);
    attempt.give_up = {};
    // By way of the loop, for there may be many addresses.
    attempt.timer = loop_.after(Duration::zero(), [this, relay] { connect_next(relay); });
}

void Relays::turn(Handle relay, Relay::Side& side, std::uint32_t events) {
    if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
        side.gone = true;
        side.watch.reset();
    }
    if (!relay->attempt) return go_on(relay);
    int code = 0;
    socklen_t size = sizeof code;
    // A unix client may have sent all that it has to say and closed; a reset is another matter.
    if (side.gone && getsockopt(side.fd.get(), SOL_SOCKET, SO_ERROR, &code, &size) == 0 &&
        code != 0)
        end(relay, SessionEnd::Reason::eof, code);
}

static void watch_for(Relay::Side& side, std::uint32_t events) {
    if (events == side.events) return;
    side.events = events;
    side.watch.set_events(events);
}

void Relays::go_on(Handle relay) {
    if (relay->pump(pipes_)) list_of(*relay->service()).touch(relay);
    if (relay->over()) {
        const int error = relay->error();
        const bool peer_left = error == 0 || error == EPIPE || error == ECONNRESET;
        return end(relay, peer_left ? SessionEnd::Reason::eof : SessionEnd::Reason::error, error);
    }
    if (relay->starved()) wait_for_pipe(relay);
    watch_for(relay->client, relay->client_events());
    watch_for(relay->target, relay->target_events());
}

// No event tells of a free descriptor.
void Relays::wait_for_pipe(Handle relay) {
    if (std::exchange(relay->waits_for_pipe, true)) return;
    starved_.push_back(relay);
    if (!starved_timer_) starved_timer_ = loop_.after(kRetry, [this] { retry_starved(); });
}

void Relays::retry_starved() {
    const std::weak_ptr<const Handlers> alive = handlers_;
    // Those that find none again go to the end of the line, and end() takes out those that end.
    for (std::size_t n = starved_.size(); n > 0 && !starved_.empty(); --n) {
        const Handle relay = starved_.front();
        starved_.pop_front();
        relay->waits_for_pipe = false;
        go_on(relay);
        if (alive.expired()) return;
    }
}

void Relays::end(Handle relay, SessionEnd::Reason reason, int error_code) {
    const SessionEnd report{.service = relay->service(),
                            .peer = relay->peer(),
                            .bytes_in = relay->up.bytes(),
                            .bytes_out = relay->down.bytes(),
                            .lasted = loop_.now() - relay->started(),
                            .reason = reason,
                            .error_code = error_code,
                            .lease = relay->lease()};
    if (relay->waits_for_pipe) std::erase(starved_, relay);
    relay->finish(pipes_, reason == SessionEnd::Reason::unreachable);
    deadlines_.erase(&*relay);
    list_of(*report.service).remove(relay);
    const auto handlers = handlers_;
    if (handlers->ended) handlers->ended(report);
}

void Relays::stop_all() {
    const std::weak_ptr<const Handlers> alive = handlers_;
    for (auto& [limit, list] : lists_) {
        // Counted, because a handler may start new ones.
        for (std::size_t n = list.size(); n > 0 && !list.empty(); --n) {
            end(list.oldest(), SessionEnd::Reason::stopped, 0);
            if (alive.expired()) return;
        }
    }
}

} // namespace inetd
