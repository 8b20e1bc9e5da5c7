#include "builtin/tcpmux.h"

#include "base/text.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <iterator>
#include <sys/socket.h>
#include <system_error>
#include <utility>

namespace inetd {

struct MuxSessions::Session {
    Session(ServiceConfigPtr&& service, Fd&& connection, SocketAddress from,
            std::shared_ptr<void>&& slot)
        : mux(std::move(service)),
          peer(std::move(from)),
          lease(std::move(slot)),
          fd(std::move(connection)) {}

    ServiceConfigPtr mux;
    SocketAddress peer;
    std::shared_ptr<void> lease;
    MuxLine line;
    std::size_t taken = 0; // of the line off the socket
    Fd fd;
    Watch watch; // none while the parser is asked
    std::shared_ptr<void> question;
    Deadline deadline;
};

static std::string with_line_end(std::string_view line) {
    return std::string(line) + "\r\n";
}

bool mux_reply(int fd, std::string_view line) {
    const std::string text = with_line_end(line);
    const ssize_t sent = send(fd, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    return sent == static_cast<ssize_t>(text.size());
}

static void make_blocking(int fd) {
    const int flags = fcntl(fd, F_GETFL);
    fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
}

MuxSessions::MuxSessions(EventLoop& loop, AskParser ask, Duration line_timeout, Handlers handlers)
    : loop_(loop),
      ask_(std::move(ask)),
      handlers_(std::make_shared<const Handlers>(std::move(handlers))),
      line_timeout_(line_timeout),
      farewells_(loop) {}

MuxSessions::~MuxSessions() = default;

std::size_t MuxSessions::count() const {
    return sessions_.size() + farewells_.count();
}

void MuxSessions::start(ServiceConfigPtr mux, Fd fd, const SocketAddress& peer,
                        std::shared_ptr<void> lease) {
    watch(add(std::move(mux), std::move(fd), peer, std::move(lease)));
}

MuxSessions::Handle MuxSessions::add(ServiceConfigPtr mux, Fd fd, const SocketAddress& peer,
                                     std::shared_ptr<void> lease) {
    sessions_.emplace_back(std::move(mux), std::move(fd), peer, std::move(lease));
    const Handle session = std::prev(sessions_.end());
    session->deadline.start(loop_, shorter({.whole = line_timeout_}, patience_of(*session->mux)),
                            [this, session] { end(session, Outcome::timed_out, 0); });
    return session;
}

std::vector<MuxState> MuxSessions::states() const {
    std::vector<MuxState> states;
    for (const Session& session : sessions_)
        states.push_back({.fd = session.fd.get(),
                          .mux = session.mux,
                          .peer = session.peer,
                          .line = std::string(session.line.text().substr(0, session.taken))});
    return states;
}

void MuxSessions::resume(const MuxState& state, std::shared_ptr<void> lease) {
    const Handle session =
        add(ServiceConfigPtr(state.mux), Fd(state.fd), state.peer, std::move(lease));
    session->line.take(std::string_view(state.line).substr(0, MuxLine::kLongest));
    session->taken = session->line.text().size();
    watch(session);
}

void MuxSessions::watch(Handle session) {
    try {
        session->watch = loop_.watch(session->fd.get(), EPOLLIN,
                                     [this, session](std::uint32_t) { read(session); });
    } catch (const std::system_error& error) {
        end(session, Outcome::error, error.code().value());
    }
}

// Looks at what is certainly part of the line and at nothing else.
void MuxSessions::read(Handle session) {
    std::array<char, MuxLine::kLongest> bytes;
    const ssize_t waiting =
        recv(session->fd.get(), bytes.data(), session->line.room(), MSG_PEEK | MSG_DONTWAIT);
    if (waiting < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (waiting < 0 && errno != ECONNRESET) return end(session, Outcome::error, errno);
    if (waiting <= 0) return end(session, Outcome::hung_up, 0);
    const std::string_view seen(bytes.data(), static_cast<std::size_t>(waiting));
    switch (session->line.take(seen.substr(0, MuxLine::share_of(seen)))) {
    case MuxLine::State::more:
        // Taken in the same turn, so that a level-triggered epoll does not report it for ever.
        if (take_off(session)) session->deadline.touch();
        return;
    case MuxLine::State::too_long:
        return dismiss(session, with_line_end(kMuxTooLong), Outcome::too_long, {});
    case MuxLine::State::complete:
        return ask(session);
    }
}

// From the socket what has been looked at. False if the session is gone.
bool MuxSessions::take_off(Handle session) {
    std::array<char, MuxLine::kLongest> bytes;
    const std::size_t share = session->line.text().size() - session->taken;
    const ssize_t got = recv(session->fd.get(), bytes.data(), share, MSG_DONTWAIT);
    if (got == static_cast<ssize_t>(share)) {
        session->taken += share;
        return true;
    }
    if (got < 0 && errno != ECONNRESET)
        end(session, Outcome::error, errno);
    else
        end(session, Outcome::hung_up, 0);
    return false;
}

// The end of the line stays on the socket until it has been parsed: another process that the
// session goes on in finds it there, and asks anew. Without a watch meanwhile, which would report
// it for ever.
void MuxSessions::ask(Handle session) {
    session->watch.reset();
    session->deadline.touch();
    session->question =
        ask_({.kind = ParserQuestion::Kind::mux_line, .bytes = std::string(session->line.text())},
             [this, session](const ParserReply& reply) { take(session, reply); });
}

void MuxSessions::take(Handle session, const ParserReply& reply) {
    session->question.reset();
    const auto* request = std::get_if<MuxRequest>(&reply);
    if (request == nullptr)
        return dismiss(session, with_line_end(kMuxUnavailable), Outcome::unparsed, {});
    if (!take_off(session)) return;
    switch (request->kind) {
    case MuxRequest::Kind::service:
        return decide(session, request->name);
    case MuxRequest::Kind::help:
        return list_names(session);
    case MuxRequest::Kind::bad:
        return dismiss(session, with_line_end(kMuxUnavailable), Outcome::unknown, {});
    }
}

void MuxSessions::list_names(Handle session) {
    std::string list;
    for (const std::string& name : handlers_->names())
        list += with_line_end(name);
    dismiss(session, std::move(list), Outcome::help, {});
}

void MuxSessions::decide(Handle session, const std::string& asked) {
    std::vector<std::string> names = handlers_->names();
    const auto found = std::ranges::find_if(
        names, [&](const auto& name) { return equal_but_for_case(name, asked); });
    if (found == names.end())
        return dismiss(session, with_line_end(kMuxUnavailable), Outcome::unknown, asked);
    serve(session, std::move(*found));
}

void MuxSessions::serve(Handle session, std::string name) {
    Fd fd = std::move(session->fd);
    session->watch.reset();
    std::shared_ptr<void> lease = std::move(session->lease);
    MuxEnd report{.mux = session->mux, .peer = session->peer, .name = std::move(name)};
    const TimePoint started = session->deadline.started();
    sessions_.erase(session);
    make_blocking(fd.get());
    const auto handlers = handlers_;
    const auto refusal = handlers->serve(fd, report.peer, report.name, lease, report.mux);
    report.outcome = refusal.empty() ? Outcome::served : Outcome::refused;
    if (!refusal.empty())
        farewells_.say(std::move(fd), with_line_end(refusal), std::move(lease),
                       patience_of(*report.mux, Clock::now() - started));
    if (handlers->ended) handlers->ended(report);
}

void MuxSessions::turn_away(Fd fd, std::shared_ptr<void> lease) {
    farewells_.say(std::move(fd), with_line_end(kMuxUnavailable), std::move(lease));
}

void MuxSessions::dismiss(Handle session, std::string words, Outcome outcome, std::string name) {
    session->watch.reset();
    MuxEnd report{
        .mux = session->mux, .peer = session->peer, .name = std::move(name), .outcome = outcome};
    if (outcome == Outcome::unparsed) report.lease = session->lease;
    farewells_.say(std::move(session->fd), std::move(words), std::move(session->lease),
                   patience_of(*session->mux, Clock::now() - session->deadline.started()));
    sessions_.erase(session);
    const auto handlers = handlers_;
    if (handlers->ended) handlers->ended(report);
}

void MuxSessions::end(Handle session, Outcome outcome, int error_code) {
    MuxEnd report{
        .mux = session->mux, .peer = session->peer, .outcome = outcome, .error_code = error_code};
    sessions_.erase(session);
    const auto handlers = handlers_;
    if (handlers->ended) handlers->ended(report);
}

void MuxSessions::stop_all() {
    const std::weak_ptr<const Handlers> alive = handlers_;
    farewells_.clear();
    for (std::size_t n = sessions_.size(); n > 0 && !sessions_.empty(); --n) {
        end(sessions_.begin(), Outcome::stopped, 0);
        if (alive.expired()) return;
    }
}

} // namespace inetd
