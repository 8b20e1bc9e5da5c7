#include "builtin/ident_client.h"

#include <array>
#include <cerrno>
#include <fmt/core.h>
#include <netinet/in.h>
#include <string_view>
#include <sys/socket.h>
#include <system_error>
#include <utility>

namespace inetd {

struct IdentClient::Question {
    Question(Fd&& connection, IdentQuery about, OnAnswer&& callback)
        : ports(about), answered(std::move(callback)), fd(std::move(connection)) {}

    TimePoint touched;
    IdentQuery ports; // as that machine sees them
    OnAnswer answered;
    std::string text;
    bool asked = false;
    Fd fd;
    Watch watch; // none while the parser is asked
    std::shared_ptr<void> parsing;
};

IdentClient::IdentClient(EventLoop& loop, AskParser ask, Duration timeout, std::uint16_t port)
    : loop_(loop),
      ask_(std::move(ask)),
      port_(port),
      questions_(loop, timeout, [this](Handle question) { questions_.remove(question); }) {}

IdentClient::~IdentClient() = default;

std::size_t IdentClient::count() const {
    return questions_.size();
}

// Being connected, or the start of it; nothing if that cannot be.
static Fd connect_from(SocketAddress local, SocketAddress remote, std::uint16_t port) {
    Fd fd(socket(remote.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) return {};
    // ip(7): or else one of our ports would be taken for each question, whoever is asked.
    const int on = 1;
    (void)setsockopt(fd.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    local.set_port(0);
    remote.set_port(port);
    if (bind(fd.get(), local.data(), local.size()) != 0) return {};
    const bool begun = connect(fd.get(), remote.data(), remote.size()) == 0 || errno == EINPROGRESS;
    return begun ? std::move(fd) : Fd();
}

void IdentClient::ask(const SocketAddress& local, const SocketAddress& peer, OnAnswer answered) {
    const SocketAddress here = local.unmapped();
    const SocketAddress there = peer.unmapped();
    if (!here.is_ip() || here.family() != there.family() || here.is_wildcard()) return;
    if (here.port() == port_ || questions_.size() >= kMost) return;
    Fd fd = connect_from(here, there, port_);
    if (!fd) return;
    const Handle question =
        questions_.add(std::move(fd), IdentQuery{there.port(), here.port()}, std::move(answered));
    try {
        question->watch = loop_.watch(question->fd.get(), EPOLLOUT,
                                      [this, question](std::uint32_t) { turn(question); });
    } catch (const std::system_error&) {
        // epoll(7): ENOSPC beyond max_user_watches, ENOMEM; the log does without the user.
        questions_.remove(question);
    }
}

void IdentClient::turn(Handle question) {
    if (question->asked) return read(question);
    const std::string line =
        fmt::format("{} , {}\r\n", question->ports.local, question->ports.remote);
    const ssize_t sent =
        send(question->fd.get(), line.data(), line.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    // It failed to connect, or has no room for one short line.
    if (sent != static_cast<ssize_t>(line.size())) return questions_.remove(question);
    question->asked = true;
    question->watch.set_events(EPOLLIN);
}

void IdentClient::read(Handle question) {
    std::string& text = question->text;
    std::array<char, kLongestIdentAnswer> bytes;
    const ssize_t got =
        recv(question->fd.get(), bytes.data(), bytes.size() - text.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) return questions_.remove(question);
    text.append(bytes.data(), static_cast<std::size_t>(got));
    const auto end = text.find('\n');
    if (end == std::string::npos) {
        if (text.size() == bytes.size()) questions_.remove(question);
        return;
    }
    std::string_view line = std::string_view(text).substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    question->watch.reset();
    question->parsing =
        ask_({.kind = ParserQuestion::Kind::ident_answer,
              .bytes = std::string(line),
              .query = question->ports},
             [this, question](ParserReply reply) { take(question, std::move(reply)); });
}

void IdentClient::take(Handle question, ParserReply reply) {
    const OnAnswer answered = std::move(question->answered);
    questions_.remove(question);
    const auto* user = std::get_if<std::optional<std::string>>(&reply);
    if (user != nullptr && *user) answered(**user);
}

} // namespace inetd
