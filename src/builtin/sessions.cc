#include "builtin/sessions.h"

#include "builtin/responders.h"

#include <cerrno>
#include <ctime>
#include <string>
#include <system_error>
#include <utility>

// The pump. A session has one turn each time epoll reports it: one read into the scratch buffer
// that all sessions share, one write out of it. Where a client of echo sends much at once, the next
// turn moves it through a pipe instead, which they share as well, and copies nothing. The write
// nearly always takes everything, and then the session holds no memory and epoll needs no change.
// If the write is short, the rest moves into memory of the session, the session waits for EPOLLOUT
// alone, and the peer's own sending stops in its kernel when our receive buffer is full. Once the
// rest is gone, so is its memory.
//
// Epoll is level-triggered and one turn is bounded, so sessions that never rest take turns.
//
// end() calls back into the owner, who may destroy us: nothing may be touched after it.

namespace inetd {

Sessions::Sessions(EventLoop& loop)
    : loop_(loop),
      bytes_(std::make_unique_for_overwrite<char[]>(kScratch)),
      scratch_{.bytes = {bytes_.get(), kScratch}},
      on_end_(std::make_shared<EndHandler>()),
      farewells_(loop) {}

Sessions::~Sessions() = default;

Sessions::List& Sessions::list_of(const ServiceConfig& service) {
    const Duration limit = service.terms->idle_timeout;
    const auto at = lists_.try_emplace(
        limit, loop_, limit, [this](Handle session) { end(session, SessionEnd::Reason::idle, 0); });
    return at.first->second;
}

std::size_t Sessions::count() const {
    std::size_t count = farewells_.count();
    for (const auto& [limit, list] : lists_)
        count += list.size();
    return count;
}

void Sessions::on_end(EndHandler handler) {
    on_end_ = std::make_shared<EndHandler>(std::move(handler));
}

void Sessions::start(ServiceConfigPtr service, Fd fd, const SocketAddress& peer,
                     std::shared_ptr<void> lease) {
    if (service->builtin == Builtin::daytime || service->builtin == Builtin::time)
        return answer(std::move(service), std::move(fd), peer, std::move(lease));
    List& list = list_of(*service);
    const Handle session =
        list.add(std::move(service), std::move(fd), peer, std::move(lease), loop_.now());
    limit(session);
    watch(session);
}

std::vector<SessionState> Sessions::states() const {
    std::vector<SessionState> states;
    for (const auto& [limit, list] : lists_) {
        for (const Session& session : list)
            states.push_back(session.state());
    }
    return states;
}

void Sessions::each(const std::function<void(const SessionBytes&)>& look) const {
    for (const auto& [limit, list] : lists_)
        for (const Session& session : list)
            look({session.lease(), session.bytes_in(), session.bytes_out()});
}

void Sessions::resume(const SessionState& state, std::shared_ptr<void> lease) {
    const Handle session = list_of(*state.service)
                               .add(ServiceConfigPtr(state.service), Fd(state.fd), state.peer,
                                    std::move(lease), loop_.now());
    session->restore(state);
    buffered_ += session->buffered();
    limit(session);
    watch(session);
}

void Sessions::limit(Handle session) {
    const Duration most = session->service()->terms->session_timeout;
    if (most == Duration::zero()) return;
    deadlines_[&*session] = loop_.after(session->started() + most - Clock::now(), [this, session] {
        end(session, SessionEnd::Reason::timeout, 0);
    });
}

void Sessions::watch(Handle session) {
    try {
        session->watch(
            loop_.watch(session->fd(), session->wanted(),
                        [this, session](std::uint32_t events) { turn(session, events); }));
    } catch (const std::system_error& error) {
        // epoll(7): ENOSPC beyond max_user_watches, ENOMEM; one client's trouble, not the daemon's.
        end(session, SessionEnd::Reason::error, error.code().value());
    }
}

void Sessions::answer(ServiceConfigPtr service, Fd fd, const SocketAddress& peer,
                      std::shared_ptr<void> lease) {
    const std::time_t now = wall_clock();
    std::string words;
    if (service->builtin == Builtin::daytime) {
        words = daytime_text(now);
    } else {
        const auto bytes = time_bytes(now);
        words.assign(bytes.begin(), bytes.end());
    }
    SessionEnd report{
        .service = std::move(service), .peer = peer, .bytes_out = words.size(), .lease = lease};
    farewells_.say(std::move(fd), std::move(words), std::move(lease), patience_of(*report.service));
    const auto handler = on_end_;
    if (*handler) (*handler)(report);
}

void Sessions::turn(Handle session, std::uint32_t events) {
    const std::size_t buffered = session->buffered();
    const std::uint32_t wanted = session->wanted();
    const Session::Turn turn = session->turn(events, scratch_);
    buffered_ += session->buffered() - buffered;
    if (turn.over) {
        const bool peer_left = turn.error == 0 || turn.error == EPIPE || turn.error == ECONNRESET;
        return end(session, peer_left ? SessionEnd::Reason::eof : SessionEnd::Reason::error,
                   turn.error);
    }
    if (turn.progress) list_of(*session->service()).touch(session);
    if (session->wanted() != wanted) session->set_events(session->wanted());
}

void Sessions::end(Handle session, SessionEnd::Reason reason, int error_code) {
    const SessionEnd report{.service = session->service(),
                            .peer = session->peer(),
                            .bytes_in = session->bytes_in(),
                            .bytes_out = session->bytes_out(),
                            .lasted = loop_.now() - session->started(),
                            .reason = reason,
                            .error_code = error_code,
                            .lease = session->lease()};
    buffered_ -= session->buffered();
    deadlines_.erase(&*session);
    list_of(*report.service).remove(session);
    if (scratch_.pipe && count() == farewells_.count()) scratch_.pipe = {};
    const auto handler = on_end_;
    if (*handler) (*handler)(report);
}

void Sessions::stop_all() {
    const std::weak_ptr<EndHandler> alive = on_end_;
    farewells_.clear();
    for (auto& [limit, list] : lists_) {
        // Counted, because a handler may start new ones.
        for (std::size_t n = list.size(); n > 0 && !list.empty(); --n) {
            end(list.oldest(), SessionEnd::Reason::stopped, 0);
            if (alive.expired()) return;
        }
    }
}

} // namespace inetd
