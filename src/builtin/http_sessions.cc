#include "builtin/http_sessions.h"

#include "builtin/http_session.h"
#include "builtin/responders.h"

#include <array>
#include <cerrno>
#include <string_view>
#include <sys/socket.h>
#include <system_error>
#include <utility>

namespace inetd {

HttpSessions::HttpSessions(EventLoop& loop, AskParser ask, Handlers handlers, Duration head_time,
                           std::size_t most_held)
    : loop_(loop),
      ask_(std::move(ask)),
      handlers_(std::move(handlers)),
      head_time_(head_time),
      most_held_(most_held),
      farewells_(loop) {}

HttpSessions::~HttpSessions() = default;

HttpSessions::List& HttpSessions::list_of(const ServiceConfig& service) {
    const Duration limit = service.terms->idle_timeout;
    const auto at = lists_.try_emplace(
        limit, loop_, limit, [this](Handle session) { end(session, SessionEnd::Reason::idle, 0); });
    return at.first->second;
}

std::size_t HttpSessions::count() const {
    std::size_t count = farewells_.count();
    for (const auto& [limit, list] : lists_)
        count += list.size();
    return count;
}

std::size_t HttpSessions::busy() const {
    std::size_t count = farewells_.count();
    for (const auto& [limit, list] : lists_)
        for (const Session& session : list)
            if (!session.idle()) ++count;
    return count;
}

void HttpSessions::each(const std::function<void(const SessionBytes&)>& look) const {
    for (const auto& [limit, list] : lists_)
        for (const Session& session : list)
            look({session.lease, session.bytes_in, session.bytes_out});
}

void HttpSessions::start(ServiceConfigPtr service, Fd fd, const SocketAddress& peer,
                         std::shared_ptr<void> lease) {
    List& list = list_of(*service);
    const Handle session =
        list.add(std::move(service), std::move(fd), peer, std::move(lease), loop_.now());
    limit(session);
    try {
        session->watch =
            loop_.watch(session->fd.get(), session->watched,
                        [this, session](std::uint32_t events) { turn(session, events); });
    } catch (const std::system_error& error) {
        // epoll(7): ENOSPC beyond max_user_watches, ENOMEM; one client's trouble.
        end(session, SessionEnd::Reason::error, error.code().value());
    }
}

void HttpSessions::limit(Handle session) {
    const Duration most = session->service->terms->session_timeout;
    if (most == Duration::zero()) return;
    session->deadline =
        loop_.after(most, [this, session] { end(session, SessionEnd::Reason::timeout, 0); });
}

void HttpSessions::turn(Handle session, std::uint32_t events) {
    if (!session->output.empty()) {
        if (write(session)) settle(session);
    } else if (session->queued || session->question) {
        // Nothing else is waited for.
        end(session, SessionEnd::Reason::eof, 0);
    } else if (session->again) {
        look(session);
    } else if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0) {
        read(session);
    }
}

static bool is_blank(std::string_view text) {
    return text.find_first_not_of("\r\n") == std::string_view::npos;
}

void HttpSessions::read(Handle session) {
    std::array<char, 4096> bytes;
    const ssize_t got = recv(session->fd.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got < 0 && errno != ECONNRESET) return end(session, SessionEnd::Reason::error, errno);
    if (got <= 0) return end(session, SessionEnd::Reason::eof, got < 0 ? errno : 0);
    session->bytes_in += static_cast<std::uint64_t>(got);
    const std::string_view text(bytes.data(), static_cast<std::size_t>(got));
    // One who sends a request byte by byte is no less idle: the time of the head is his limit. Nor
    // is one who sends blank lines, which are the beginning of nothing.
    if (session->input.empty()) {
        if (is_blank(text)) return;
        list_of(*session->service).touch(session);
        session->head = loop_.after(head_time_, [this, session] { refuse(session, 408); });
    }
    session->input += text;
    look(session);
}

void HttpSessions::look(Handle session) {
    session->again = false;
    if (is_blank(session->input)) {
        session->input.clear();
        session->cut = {};
    } else if (session->cut.read(session->input)) {
        session->question =
            ask_({.kind = ParserQuestion::Kind::http_request,
                  .bytes = session->input.substr(0, session->cut.size())},
                 [this, session](const ParserReply& reply) { take(session, reply); });
    }
    settle(session);
}

void HttpSessions::take(Handle session, const ParserReply& reply) {
    session->question.reset();
    const auto* request = std::get_if<HttpRequest>(&reply);
    if (request == nullptr) return end(session, SessionEnd::Reason::error, ECANCELED);
    switch (request->state) {
    case HttpRequest::State::more:
        return settle(session);
    case HttpRequest::State::bad:
        return refuse(session, request->status);
    case HttpRequest::State::complete:
        session->request = *request;
        session->input.erase(0, request->size);
        session->cut = {};
        session->head.reset();
        return line_up(session);
    }
}

// False if the session is gone.
bool HttpSessions::write(Handle session) {
    std::string& output = session->output;
    const ssize_t sent = send(session->fd.get(), output.data() + session->sent,
                              output.size() - session->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0) {
        if (errno == EAGAIN || errno == EINTR) return true;
        const bool left = errno == EPIPE || errno == ECONNRESET;
        end(session, left ? SessionEnd::Reason::eof : SessionEnd::Reason::error, errno);
        return false;
    }
    session->bytes_out += static_cast<std::uint64_t>(sent);
    session->sent += static_cast<std::size_t>(sent);
    list_of(*session->service).touch(session);
    if (session->sent < output.size()) return true;
    held_ -= output.size();
    std::string().swap(output);
    session->again = !session->input.empty();
    return true;
}

// What the session waits for from now on.
void HttpSessions::settle(Handle session) {
    if (session->input.empty() || !session->output.empty() || session->queued) {
        session->head.reset();
    } else if (!session->head) {
        session->head = loop_.after(head_time_, [this, session] { refuse(session, 408); });
    }
    const std::uint32_t wanted = session->wanted();
    if (std::exchange(session->watched, wanted) != wanted) session->watch.set_events(wanted);
}

void HttpSessions::refuse(Handle session, int status) {
    dismiss(session, http_failure(status, {.keeps_open = false, .now = wall_clock()}));
}

void HttpSessions::dismiss(Handle session, std::string words) {
    session->watch.reset();
    SessionEnd last = report(*session);
    last.bytes_out += words.size();
    farewells_.say(std::move(session->fd), std::move(words), std::move(session->lease),
                   patience_of(*last.service, last.lasted));
    remove(session);
    if (handlers_.ended) handlers_.ended(last);
}

SessionEnd HttpSessions::report(const Session& session) const {
    return {.service = session.service,
            .peer = session.peer,
            .bytes_in = session.bytes_in,
            .bytes_out = session.bytes_out,
            .lasted = loop_.now() - session.started,
            .lease = session.lease};
}

void HttpSessions::end(Handle session, SessionEnd::Reason reason, int error_code) {
    SessionEnd last = report(*session);
    last.reason = reason;
    last.error_code = error_code;
    remove(session);
    if (handlers_.ended) handlers_.ended(last);
}

void HttpSessions::remove(Handle session) {
    if (session->queued) std::erase(queue_, session);
    if (queue_.empty()) call_.reset();
    held_ -= session->output.size();
    list_of(*session->service).remove(session);
}

void HttpSessions::close_idle() {
    for (auto& [limit, list] : lists_) {
        for (Handle session = list.begin(); session != list.end();) {
            const Handle next = std::next(session);
            if (session->idle()) end(session, SessionEnd::Reason::stopped, 0);
            session = next;
        }
    }
}

void HttpSessions::stop_all() {
    farewells_.clear();
    for (auto& [limit, list] : lists_) {
        // Counted, because a handler may start new ones.
        for (std::size_t n = list.size(); n > 0 && !list.empty(); --n)
            end(list.oldest(), SessionEnd::Reason::stopped, 0);
    }
}

} // namespace inetd
