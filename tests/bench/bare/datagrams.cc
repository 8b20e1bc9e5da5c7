#include "tools.h"

#include <array>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace bare {

void serve_datagrams(int port) {
    constexpr std::size_t kBatch = 32;
    static std::array<std::array<char, 65536>, kBatch> room;
    std::array<iovec, kBatch> parts{};
    std::array<sockaddr_in, kBatch> peers{};
    std::array<mmsghdr, kBatch> messages{};
    const int fd = listen_on(port, SOCK_DGRAM);
    const int epoll = new_epoll();
    watch(epoll, fd);
    for (;;) {
        epoll_event event{};
        epoll_wait(epoll, &event, 1, -1);
        for (std::size_t i = 0; i < kBatch; ++i) {
            parts[i] = {room[i].data(), room[i].size()};
            messages[i].msg_hdr = {};
            messages[i].msg_hdr.msg_name = &peers[i];
            messages[i].msg_hdr.msg_namelen = sizeof peers[i];
            messages[i].msg_hdr.msg_iov = &parts[i];
            messages[i].msg_hdr.msg_iovlen = 1;
        }
        const int got = recvmmsg(fd, messages.data(), kBatch, MSG_DONTWAIT, nullptr);
        if (got <= 0) continue;
        for (std::size_t i = 0; i < static_cast<std::size_t>(got); ++i)
            parts[i].iov_len = messages[i].msg_len;
        static_cast<void>(sendmmsg(fd, messages.data(), static_cast<unsigned>(got), MSG_DONTWAIT));
    }
}

} // namespace bare
