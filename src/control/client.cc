#include "control/client.h"

#include "base/address.h"

#include <cerrno>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <vector>

namespace inetd::control {

Result<Client> Client::connect(const std::string& path) {
    const auto address = SocketAddress::unix_path(path);
    if (!address) return Error{path, ENAMETOOLONG};
    Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd) return errno_error("socket");
    // Of unix sockets this bounds connect(2), too, where too many wait already.
    const timeval patience{.tv_sec = 10, .tv_usec = 0};
    setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (::connect(fd.get(), address->data(), address->size()) != 0) return errno_error(path);
    return Client(std::move(fd));
}

pid_t Client::peer() const {
    ucred peer{};
    socklen_t size = sizeof peer;
    return getsockopt(fd_.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? peer.pid : 0;
}

Result<Reply> Client::call(const std::string& method, Json parameters, bool more) {
    const auto sent = send(method, std::move(parameters), more);
    // Whoever is turned away is told why, and perhaps before he has said anything.
    auto reply = next(kPatience);
    if (!reply && !sent) return sent.error();
    return reply;
}

Result<void> Client::send(const std::string& method, Json parameters, bool more) {
    return write(call_text({.method = method,
                            .parameters = std::move(parameters),
                            .more = more,
                            .oneway = false,
                            .upgrade = false}));
}

Result<Reply> Client::next() {
    return receive(-1);
}

Result<Reply> Client::next(std::chrono::milliseconds patience) {
    return receive(static_cast<int>(patience.count()));
}

Result<void> Client::write(const std::string& text) {
    for (std::size_t done = 0; done < text.size();) {
        const ssize_t sent =
            ::send(fd_.get(), text.data() + done, text.size() - done, MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR) return errno_error("send");
        if (sent > 0) done += static_cast<std::size_t>(sent);
    }
    return {};
}

Result<Reply> Client::receive(int timeout_ms) {
    std::vector<char> buffer(std::size_t{64} * 1024);
    for (;;) {
        if (const auto text = framer_.next()) return parse_reply(*text);
        pollfd waiting{.fd = fd_.get(), .events = POLLIN, .revents = 0};
        const int ready = poll(&waiting, 1, timeout_ms);
        if (ready < 0 && errno != EINTR) return errno_error("poll");
        if (ready < 0) continue;
        if (ready == 0) return Error{"no answer", ETIMEDOUT};
        const ssize_t got = recv(fd_.get(), buffer.data(), buffer.size(), 0);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return errno_error("recv");
        if (got == 0) return Error{"the connection was closed", 0};
        framer_.add({buffer.data(), static_cast<std::size_t>(got)});
    }
}

} // namespace inetd::control
