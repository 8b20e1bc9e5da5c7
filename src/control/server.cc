#include "control/server.h"

#include "control/descriptions.h"

#include <cerrno>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace inetd::control {

using namespace std::chrono_literals;

// Whoever connects again and again must not keep the services waiting.
static constexpr int kAcceptedPerRound = 4;

Server::Server(EventLoop& loop, Dispatcher dispatcher, Patience patience)
    : loop_(loop), dispatcher_(std::move(dispatcher)), patience_(patience) {}

Server::~Server() {
    close();
}

void Server::close() {
    watch_.reset();
    pause_.reset();
    if (listening_.fd) remove_file(place_, listening_);
    listening_ = {};
    place_ = {};
}

Result<void> Server::listen(const Place& place) {
    if (place.path.empty()) {
        close();
        return {};
    }
    if (listening_.fd && place.path == place_.path) {
        if (place == place_) return {};
        // It fails where the file is another one or gone; then a new one may do.
        if (set_access(place)) {
            place_ = place;
            return {};
        }
    }
    close();
    auto listening = listen_at(place);
    if (!listening) return listening.error();
    listening_ = std::move(*listening);
    place_ = place;
    return watch();
}

Result<void> Server::take_over(const Place& place, Fd listener) {
    close();
    auto listening = take_over_at(place, std::move(listener));
    if (!listening) return listening.error();
    listening_ = std::move(*listening);
    place_ = place;
    return watch();
}

Result<void> Server::watch() {
    try {
        watch_ = loop_.watch(listening_.fd.get(), EPOLLIN, [this](std::uint32_t) { on_ready(); });
        return {};
    } catch (const std::system_error& error) {
        close();
        return Error{"epoll_ctl", error.code().value()};
    }
}

void Server::on_ready() {
    for (int i = 0; i < kAcceptedPerRound; ++i) {
        Fd fd(accept4(listening_.fd.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (fd) {
            adopt(std::move(fd));
            continue;
        }
        if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) return;
        // No descriptor or no memory: who waits would wake us up without end.
        watch_.set_events(0);
        pause_ = loop_.after(1s, [this] { watch_.set_events(EPOLLIN); });
        return;
    }
}

// Who may change something: root, and the user that the daemon was started as; not the one that it
// has become since.
static Caller caller_of(int fd, uid_t owner) {
    ucred credentials{};
    socklen_t size = sizeof credentials;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
        return {.pid = 0, .uid = static_cast<uid_t>(-1), .may_change = false};
    const bool may_change = credentials.uid == 0 || credentials.uid == owner;
    return {.pid = credentials.pid, .uid = credentials.uid, .may_change = may_change};
}

void Server::adopt(Fd fd) {
    const Caller caller = caller_of(fd.get(), owner_);
    const auto connection = std::make_shared<Connection>(
        loop_, std::move(fd), caller, patience_, pace_,
        Connection::Hooks{
            .called = [this](Connection& from,
                             const Call& call) { dispatcher_.dispatch(from, call); },
            .ended = [this](Connection& from) { connections_.erase(from.shared_from_this()); }});
    const std::size_t most = caller.may_change ? kMost : kMost - kReserved;
    if (connections_.size() >= most)
        // It has never been watched, so it is sent what the socket takes at once, and no more.
        return connection->turn_away({.parameters = Json::object(), .error = kBusy});
    try {
        connection->start();
        connections_.insert(connection);
    } catch (const std::system_error&) {
        // ENOSPC, ENOMEM: there is no room for a watch, and the caller sees the end.
    }
}

} // namespace inetd::control
