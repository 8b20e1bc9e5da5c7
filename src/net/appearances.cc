#include "net/appearances.h"

#include <array>
#include <cerrno>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <system_error>

namespace inetd {

static bool join(int fd, int group) {
    return setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) == 0;
}

bool Appearances::start(bool interfaces) {
    if (!fd_) {
        Fd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
        // Nothing is sent to a socket without a port, whatever groups it has joined.
        sockaddr_nl any{};
        any.nl_family = AF_NETLINK;
        if (!fd || bind(fd.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any) != 0 ||
            !join(fd.get(), RTNLGRP_IPV4_IFADDR) || !join(fd.get(), RTNLGRP_IPV6_IFADDR))
            return false;
        try {
            watch_ = loop_.watch(fd.get(), EPOLLIN, [this](std::uint32_t) { read(); });
        } catch (const std::system_error&) {
            return false; // epoll(7): ENOSPC, ENOMEM
        }
        fd_ = std::move(fd);
    }
    interfaces_ = interfaces_ || (interfaces && join(fd_.get(), RTNLGRP_LINK));
    return tells_of(interfaces);
}

void Appearances::stop() {
    watch_.reset();
    fd_.reset();
    interfaces_ = false;
}

// What the messages say does not matter: whoever waits tries what it waits for, which shows whether
// it can be had. ENOBUFS is the kernel's word for messages that were lost.
void Appearances::read() {
    static constexpr int kMostReads = 1024; // more come in the next round
    std::array<char, 256> scratch{};
    for (int i = 0; i < kMostReads; ++i) {
        const ssize_t got = recv(fd_.get(), scratch.data(), scratch.size(), MSG_DONTWAIT);
        if (got < 0 && errno != ENOBUFS && errno != EINTR) break;
    }
    changed_();
}

} // namespace inetd
