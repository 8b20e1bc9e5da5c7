#include "net/queue.h"

#include "net/sock_diag.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <functional>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string_view>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>
#include <type_traits>
#include <utility>

namespace inetd {

static void set_timestamps(int fd, int on) {
    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
}

// What it is like: who has sent it, how long it is and how it begins. Nothing if there is none.
static std::optional<std::uint64_t> likeness_of_datagram(int fd) {
    struct Seen {
        ssize_t size = 0;
        sockaddr_un sender{};
        std::array<char, 66> beginning{};
    } seen;
    static_assert(std::has_unique_object_representations_v<Seen>); // no gaps
    socklen_t length = sizeof seen.sender;
    seen.size = recvfrom(fd, seen.beginning.data(), seen.beginning.size(),
                         MSG_PEEK | MSG_DONTWAIT | MSG_TRUNC,
                         reinterpret_cast<sockaddr*>(&seen.sender), &length);
    if (seen.size < 0) return std::nullopt;
    const std::string_view bytes(reinterpret_cast<const char*>(&seen), sizeof seen);
    return std::hash<std::string_view>{}(bytes) | 1;
}

// A datagram that was queued without a timestamp gets one when it is first looked at with
// SO_TIMESTAMPNS on, and keeps it (__sock_recv_timestamp in Linux), so a second look at the same
// datagram sees the same nanoseconds.
static std::uint64_t datagram_stamp(int fd) {
    set_timestamps(fd, 1);
    alignas(cmsghdr) std::array<char, 256> control{};
    msghdr message{};
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    std::uint64_t stamp = 0;
    if (recvmsg(fd, &message, MSG_PEEK | MSG_DONTWAIT | MSG_TRUNC) >= 0) {
        for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
             header = CMSG_NXTHDR(&message, header)) {
            if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SO_TIMESTAMPNS) continue;
            timespec time{};
            std::memcpy(&time, CMSG_DATA(header), sizeof time);
            stamp = static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 +
                    static_cast<std::uint64_t>(time.tv_nsec);
        }
    }
    set_timestamps(fd, 0);
    return stamp;
}

// Of a listening socket tcpi_unacked is the length of its accept queue (tcp_get_info in Linux). A
// connection that its client has reset stays in there, but is not among the live ones any more.
static void look_at_connections(int fd, QueueHead& head) {
    tcp_info info{};
    socklen_t size = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0) head.waiting = info.tcpi_unacked;
    auto found = waiting_connections(fd);
    if (!found) return;
    head.waiting = std::max(head.waiting, static_cast<std::uint32_t>(found->size()));
    std::erase(*found, 0U);
    std::sort(found->begin(), found->end());
    head.connections = std::move(found);
}

static std::optional<QueueHead> look_at_datagram(int fd, const std::optional<QueueHead>& before) {
    // udp(7): an error of an earlier datagram is told once, and then the datagram is seen.
    auto likeness = likeness_of_datagram(fd);
    if (!likeness && errno != EAGAIN) likeness = likeness_of_datagram(fd);
    if (!likeness) return std::nullopt;
    QueueHead head{.likeness = *likeness, .waiting = 1, .connections = {}};
    if (before && before->likeness == head.likeness) head.datagram = datagram_stamp(fd);
    return head;
}

std::optional<QueueHead> look_at_queue(int fd, int type, const std::optional<QueueHead>& before) {
    if (type != SOCK_STREAM && type != SOCK_SEQPACKET) return look_at_datagram(fd, before);
    pollfd item{fd, POLLIN, 0};
    if (poll(&item, 1, 0) != 1 || (item.revents & POLLIN) == 0) return std::nullopt;
    QueueHead head{.waiting = 1, .connections = {}};
    look_at_connections(fd, head);
    return head;
}

// The dead in the queue are only a number, but one that falls when one of them is taken.
bool QueueHead::untouched_since(const QueueHead& before) const {
    if (likeness != before.likeness) return false;
    if (datagram != 0 || before.datagram != 0) return datagram == before.datagram;
    if (!connections || !before.connections) return waiting >= before.waiting;
    const auto& now = *connections;
    const auto& then = *before.connections;
    return std::includes(now.begin(), now.end(), then.begin(), then.end()) &&
           waiting - now.size() >= before.waiting - then.size();
}

} // namespace inetd
