#include "systemd/journal_stream.h"

#include "base/address.h"
#include "base/text.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/socket.h>

namespace inetd {

Result<Fd> open_journal_stream(std::string_view identifier, int level, std::string_view path) {
    const auto address = SocketAddress::unix_path(path).value_or(SocketAddress());
    Fd stream(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!stream) return errno_error("socket");
    if (connect(stream.get(), address.data(), address.size()) != 0)
        return errno_error("connect " + address.to_string());
    shutdown(stream.get(), SHUT_RD);
    // Name, unit, level, then flags: prefixes are heeded; nothing is forwarded to syslog, the
    // kernel's log or the console.
    const std::string header = fmt::format("{}\n\n{}\n1\n0\n0\n0\n", escaped(identifier), level);
    const ssize_t sent = send(stream.get(), header.data(), header.size(), MSG_NOSIGNAL);
    if (sent != static_cast<ssize_t>(header.size()))
        return errno_error("send to " + address.to_string());
    if (fcntl(stream.get(), F_SETFL, 0) != 0) return errno_error("fcntl");
    return stream;
}

} // namespace inetd
