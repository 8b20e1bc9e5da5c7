#include "builtin/http_sessions.h"

#include "builtin/responders.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <sys/socket.h>
#include <system_error>
#include <utility>

// A session is in one of four states: `output` is not empty while an answer is on its way, and then
// nothing is read; `queued` is set while a whole request waits for its turn; `again` while requests
// that came together with an answered one may be left in `input`; else it waits for input. The last
// answer of a connection goes by way of a Farewell, so that a client that is still sending does not
// lose it.

namespace inetd {

struct HttpSessions::Session {
    Session(ServiceConfigPtr&& config, Fd&& connection, const SocketAddress& from,
            std::shared_ptr<void>&& slot, TimePoint now)
        : service(std::move(config)),
          lease(std::move(slot)),
          peer(from),
          started(now),
          fd(std::move(connection)) {}

    [[nodiscard]] std::uint32_t wanted() const {
        if (queued) return 0;
        return output.empty() && !again ? EPOLLIN : EPOLLOUT;
    }

    [[nodiscard]] bool idle() const { return input.empty() && output.empty() && !queued; }

    TimePoint touched;
    ServiceConfigPtr service;
    std::shared_ptr<void> lease;
    SocketAddress peer;
    TimePoint started;
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;
    unsigned requests = 0;
    std::string input;  // of the request that comes, and perhaps of others after it
    HttpHead request;   // the same one, as far as it is known
    std::string output; // of the answer, from `sent` on
    std::size_t sent = 0;
    bool queued = false;
    bool again = false;
    std::uint32_t watched = EPOLLIN;
    Timer head; // for the request that has begun to come
    Timer deadline;
    Fd fd;
    Watch watch; // after the descriptor, so that it goes first
};

HttpSessions::HttpSessions(EventLoop& loop, Handlers handlers, Duration head_time)
    : loop_(loop), handlers_(std::move(handlers)), head_time_(head_time), farewells_(loop) {}

HttpSessions::~HttpSessions() = default;

HttpSessions::List& HttpSessions::list_of(const ServiceConfig& service) {
    const Duration limit = service.idle_timeout;
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
    const Duration most = session->service->session_timeout;
    if (most == Duration::zero()) return;
    session->deadline =
        loop_.after(most, [this, session] { end(session, SessionEnd::Reason::timeout, 0); });
}

void HttpSessions::turn(Handle session, std::uint32_t events) {
    if (!session->output.empty()) {
        if (write(session)) settle(session);
    } else if (session->queued) {
        // Nothing else is waited for.
        end(session, SessionEnd::Reason::eof, 0);
    } else if (session->again) {
        look(session);
    } else if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0) {
        read(session);
    }
}

void HttpSessions::read(Handle session) {
    std::array<char, 4096> bytes;
    const ssize_t got = recv(session->fd.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got < 0 && errno != ECONNRESET) return end(session, SessionEnd::Reason::error, errno);
    if (got <= 0) return end(session, SessionEnd::Reason::eof, got < 0 ? errno : 0);
    session->bytes_in += static_cast<std::uint64_t>(got);
    // One who sends a request byte by byte is no less idle: the time of the head is his limit.
    if (session->input.empty()) {
        list_of(*session->service).touch(session);
        session->head = loop_.after(head_time_, [this, session] { refuse(session, 408); });
    }
    session->input.append(bytes.data(), static_cast<std::size_t>(got));
    look(session);
}

void HttpSessions::look(Handle session) {
    session->again = false;
    const HttpRequest& request = session->request.read(session->input);
    switch (request.state) {
    case HttpRequest::State::more:
        // Blank lines alone are the beginning of nothing.
        if (session->input.find_first_not_of("\r\n") == std::string::npos) {
            session->input.clear();
            session->request = {};
        }
        return settle(session);
    case HttpRequest::State::bad:
        return refuse(session, request.status);
    case HttpRequest::State::complete:
        session->input.erase(0, request.size);
        session->head.reset();
        return line_up(session);
    }
}

// Documents together get a fifth of the time: one that is dear, for there are many services, must
// not be a means of keeping their clients waiting.
void HttpSessions::line_up(Handle session) {
    if (queue_.empty() && Clock::now() >= next_) return answer(session);
    session->queued = true;
    queue_.push_back(session);
    settle(session);
    call_in_time();
}

void HttpSessions::call_in_time() {
    if (queue_.empty() || call_) return;
    const Duration left = next_ - Clock::now();
    call_ = loop_.after(std::max(left, Duration::zero()), [this] { call_next(); });
}

void HttpSessions::call_next() {
    const Handle session = queue_.front();
    queue_.pop_front();
    session->queued = false;
    answer(session);
    call_in_time();
}

std::optional<HttpDocument> HttpSessions::make(const HttpRequest& request) {
    const TimePoint begin = Clock::now();
    auto document = handlers_.document(request);
    const TimePoint end = Clock::now();
    next_ = end + 4 * (end - begin);
    return document;
}

void HttpSessions::answer(Handle session) {
    const HttpRequest request = std::exchange(session->request, {}).request();
    const bool head = request.method == "HEAD";
    HttpManner manner{.keeps_open = request.keeps_open && ++session->requests < kMostRequests &&
                                    handlers_.keeps_open(),
                      .head = head,
                      .now = wall_clock()};
    std::string words;
    // RFC 9110 9.3.1: a body of a GET means nothing, and has been used to smuggle requests.
    if (!head && request.method != "GET") {
        manner.keeps_open = manner.keeps_open && !request.has_body;
        words = http_failure(405, manner);
    } else if (request.has_body) {
        manner.keeps_open = false;
        words = http_failure(400, manner, "a request for a document has no body");
    } else if (const auto document = make(request)) {
        words = http_answer(*document, manner);
    } else {
        words = http_failure(404, manner);
    }
    if (!manner.keeps_open) return dismiss(session, std::move(words));
    session->output = std::move(words);
    session->sent = 0;
    list_of(*session->service).touch(session);
    if (write(session)) settle(session);
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
