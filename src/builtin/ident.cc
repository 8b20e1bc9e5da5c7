#include "builtin/ident.h"

#include <array>
#include <cerrno>
#include <iterator>
#include <string>
#include <sys/socket.h>
#include <system_error>
#include <utility>

namespace inetd {

struct IdentSessions::Session {
    Session(ServiceConfigPtr&& config, Fd&& connection, std::shared_ptr<void>&& slot)
        : service(std::move(config)), lease(std::move(slot)), fd(std::move(connection)) {}

    ServiceConfigPtr service;
    std::shared_ptr<void> lease;
    std::string text;
    Fd fd;
    Watch watch; // none while the parser is asked
    std::shared_ptr<void> question;
    Deadline deadline;
};

IdentSessions::IdentSessions(EventLoop& loop, AskParser ask, FindOwner find_owner, Duration timeout)
    : loop_(loop),
      ask_(std::move(ask)),
      find_owner_(std::move(find_owner)),
      timeout_(timeout),
      farewells_(loop) {}

IdentSessions::~IdentSessions() = default;

std::size_t IdentSessions::count() const {
    return sessions_.size() + farewells_.count();
}

void IdentSessions::stop_all() {
    farewells_.clear();
    sessions_.clear();
}

void IdentSessions::forget(Handle session) {
    sessions_.erase(session);
}

void IdentSessions::start(ServiceConfigPtr service, Fd fd, std::shared_ptr<void> lease) {
    sessions_.emplace_back(std::move(service), std::move(fd), std::move(lease));
    const Handle session = std::prev(sessions_.end());
    session->deadline.start(loop_, shorter({.whole = timeout_}, patience_of(*session->service)),
                            [this, session] { forget(session); });
    try {
        session->watch = loop_.watch(session->fd.get(), EPOLLIN,
                                     [this, session](std::uint32_t) { read(session); });
    } catch (const std::system_error&) {
        // epoll(7): ENOSPC beyond max_user_watches, ENOMEM; one client's trouble.
        forget(session);
    }
}

void IdentSessions::read(Handle session) {
    std::array<char, kLongestIdentLine> bytes;
    std::string& text = session->text;
    const ssize_t got =
        recv(session->fd.get(), bytes.data(), bytes.size() - text.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) return forget(session);
    text.append(bytes.data(), static_cast<std::size_t>(got));
    const auto end = text.find('\n');
    if (end == std::string::npos) {
        if (text.size() == kLongestIdentLine) return forget(session);
        return session->deadline.touch();
    }
    std::string_view line = std::string_view(text).substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    session->watch.reset();
    session->question =
        ask_({.kind = ParserQuestion::Kind::ident_query, .bytes = std::string(line)},
             [this, session](const ParserReply& reply) {
                 const auto* query = std::get_if<std::optional<IdentQuery>>(&reply);
                 if (query == nullptr || !*query) return forget(session);
                 answer(session, **query);
             });
}

void IdentSessions::answer(Handle session, const IdentQuery& query) {
    std::optional<uid_t> owner;
    if (query.valid())
        owner = find_owner_(session->fd.get(), static_cast<std::uint16_t>(query.local),
                            static_cast<std::uint16_t>(query.remote));
    std::string words = ident_answer(query, owner, *session->service->terms->ident);
    farewells_.say(std::move(session->fd), std::move(words), std::move(session->lease),
                   patience_of(*session->service, Clock::now() - session->deadline.started()));
    forget(session);
}

} // namespace inetd
