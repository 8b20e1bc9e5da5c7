#include "net/first_datagram.h"

#include <sys/socket.h>

namespace inetd {

std::optional<SocketAddress> first_sender(int fd) {
    AddressRoom sender;
    // udp(7): an error of an earlier datagram is told once, and then the datagram is seen.
    for (int attempt = 0; attempt < 2; ++attempt) {
        if (recvfrom(fd, nullptr, 0, MSG_PEEK | MSG_DONTWAIT, sender.data(), &sender.size) >= 0)
            return sender.address();
    }
    return std::nullopt;
}

void drop_first_datagram(int fd) {
    recv(fd, nullptr, 0, MSG_DONTWAIT);
}

} // namespace inetd
