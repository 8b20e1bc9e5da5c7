#include "net/repair.h"

#include "base/address.h"

#include <cerrno>
#include <poll.h>
#include <sys/socket.h>

namespace inetd {

bool is_shut_down(int fd) {
    pollfd item{fd, POLLRDHUP, 0};
    return poll(&item, 1, 0) == 1 && (item.revents & (POLLHUP | POLLRDHUP)) != 0;
}

bool is_connected(int fd) {
    return SocketAddress::peer_of(fd).has_value();
}

bool disconnect(int fd) {
    // connect(2): what the socket was bound to stays.
    const sockaddr nobody{AF_UNSPEC, {}};
    return connect(fd, &nobody, sizeof nobody) == 0;
}

FilterState remove_filter(int fd) {
    const int unused = 0;
    if (setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof unused) == 0)
        return FilterState::removed;
    return errno == EPERM ? FilterState::locked : FilterState::none;
}

} // namespace inetd
