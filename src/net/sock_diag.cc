#include "net/sock_diag.h"

#include "base/address.h"
#include "base/fd.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>

namespace inetd {

using Identities = std::vector<std::uint64_t>;

// The accept queue is as long as net.core.somaxconn at most, 4096 unless the administrator raises
// it. A dump goes through the accepted connections of the port as well.
static constexpr std::size_t kMostConnections = 4096;
static constexpr int kMostReads = 256;

static int int_option(int fd, int name) {
    int value = 0;
    socklen_t size = sizeof value;
    return getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

// A message's payload as the struct that it begins with.
template<typename T>
static std::optional<T> payload_of(const nlmsghdr* message) {
    if (message->nlmsg_len < NLMSG_LENGTH(sizeof(T))) return std::nullopt;
    T payload{};
    std::memcpy(&payload, message + 1, sizeof payload);
    return payload;
}

template<typename Request>
static bool send_request(int fd, const Request& request, std::uint16_t flags) {
    struct {
        nlmsghdr header{};
        Request request{};
    } message;
    static_assert(offsetof(decltype(message), request) == NLMSG_HDRLEN);
    message.header.nlmsg_len = NLMSG_LENGTH(sizeof request);
    message.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    message.header.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
    message.request = request;
    return send(fd, &message, message.header.nlmsg_len, MSG_DONTWAIT) ==
           static_cast<ssize_t>(message.header.nlmsg_len);
}

// Sends the request and hands each message of the answer to `take`, which may refuse to go on by
// returning false. True if the answer was complete. The kernel makes the answer while it is asked
// for and read, so there is nothing to wait for.
template<typename Request, typename Take>
static bool ask(const Request& request, std::uint16_t flags, Take take) {
    const Fd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
    if (!fd || !send_request(fd.get(), request, flags)) return false;
    alignas(nlmsghdr) std::array<char, 32768> buffer{};
    for (int reads = 0; reads < kMostReads; ++reads) {
        const ssize_t got = recv(fd.get(), buffer.data(), buffer.size(), MSG_DONTWAIT | MSG_TRUNC);
        if (got <= 0 || static_cast<std::size_t>(got) > buffer.size()) return false;
        auto left = static_cast<std::size_t>(got);
        const char* at = buffer.data();
        while (left >= sizeof(nlmsghdr)) {
            const auto* message = reinterpret_cast<const nlmsghdr*>(at);
            if (message->nlmsg_len < sizeof(nlmsghdr) || message->nlmsg_len > left) return false;
            // Both begin with an error code, 0 for success.
            if (message->nlmsg_type == NLMSG_DONE || message->nlmsg_type == NLMSG_ERROR)
                return payload_of<int>(message) == 0;
            if (!take(message)) return false;
            const std::size_t step = std::min<std::size_t>(NLMSG_ALIGN(message->nlmsg_len), left);
            at += step;
            left -= step;
        }
    }
    return false;
}

// A connection is without an inode until it is accepted. It is again after it was closed, but then
// in another state than these, and while nobody has it only its client can close it (CLOSE_WAIT).
static std::optional<Identities> waiting_tcp(const SocketAddress& local) {
    const auto port = htons(static_cast<std::uint16_t>(local.port()));
    inet_diag_req_v2 request{};
    request.sdiag_family = static_cast<std::uint8_t>(local.family());
    request.sdiag_protocol = IPPROTO_TCP;
    request.idiag_states = 1U << TCP_ESTABLISHED | 1U << TCP_CLOSE_WAIT;
    request.id.idiag_sport = port;
    request.id.idiag_cookie[0] = INET_DIAG_NOCOOKIE;
    request.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;

    decltype(request.id.idiag_src) bound{};
    if (local.family() == AF_INET) {
        const auto* in = reinterpret_cast<const sockaddr_in*>(local.data());
        std::memcpy(&bound, &in->sin_addr, sizeof in->sin_addr);
    } else {
        const auto* in6 = reinterpret_cast<const sockaddr_in6*>(local.data());
        std::memcpy(&bound, &in6->sin6_addr, sizeof in6->sin6_addr);
    }
    Identities found;
    const bool complete = ask(request, NLM_F_DUMP, [&](const nlmsghdr* message) {
        const auto socket = payload_of<inet_diag_msg>(message);
        if (!socket || socket->idiag_inode != 0 || socket->id.idiag_sport != port) return true;
        // Another listener may have the port at another address.
        if (!local.is_wildcard() && std::memcmp(&socket->id.idiag_src, &bound, sizeof bound) != 0)
            return true;
        const auto& cookie = socket->id.idiag_cookie;
        found.push_back(std::uint64_t{cookie[1]} << 32 | cookie[0]);
        return found.size() <= kMostConnections;
    });
    if (!complete) return std::nullopt;
    return found;
}

// Each waiting connection is shown as the inode of its client's socket.
static std::optional<Identities> waiting_unix(int listener) {
    struct stat status {};
    if (fstat(listener, &status) != 0) return std::nullopt;
    unix_diag_req request{};
    request.sdiag_family = AF_UNIX;
    request.udiag_states = ~0U;
    request.udiag_ino = static_cast<std::uint32_t>(status.st_ino);
    request.udiag_show = UDIAG_SHOW_ICONS;
    request.udiag_cookie[0] = ~0U;
    request.udiag_cookie[1] = ~0U;

    Identities found;
    const bool complete = ask(request, NLM_F_ACK, [&](const nlmsghdr* message) {
        const char* at =
            reinterpret_cast<const char*>(message) + NLMSG_LENGTH(sizeof(unix_diag_msg));
        const char* end = reinterpret_cast<const char*>(message) + message->nlmsg_len;
        while (end - at >= static_cast<std::ptrdiff_t>(sizeof(rtattr))) {
            rtattr header{};
            std::memcpy(&header, at, sizeof header);
            if (header.rta_len < sizeof header || header.rta_len > end - at) return false;
            for (std::size_t i = RTA_LENGTH(0);
                 header.rta_type == UNIX_DIAG_ICONS && i + 4 <= header.rta_len; i += 4) {
                std::uint32_t inode = 0;
                std::memcpy(&inode, at + i, sizeof inode);
                found.push_back(inode);
            }
            at += std::min<std::ptrdiff_t>(RTA_ALIGN(header.rta_len), end - at);
        }
        return true;
    });
    if (!complete) return std::nullopt;
    return found;
}

std::optional<Identities> waiting_connections(int listener) {
    const auto local = SocketAddress::bound_to(listener);
    if (!local) return std::nullopt;
    if (local->family() == AF_UNIX) return waiting_unix(listener);
    // What waits at an MPTCP socket is shown as the TCP connections that it is made of.
    const int protocol = int_option(listener, SO_PROTOCOL);
    if (local->is_ip() && (protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP))
        return waiting_tcp(*local);
    return std::nullopt;
}

static void set_address(const SocketAddress& address, std::uint32_t* words) {
    if (address.family() == AF_INET) {
        std::memcpy(words, &address.v4().sin_addr, sizeof address.v4().sin_addr);
    } else {
        std::memcpy(words, &address.v6().sin6_addr, sizeof address.v6().sin6_addr);
    }
}

// The kernel looks the one connection up in its hash table, without going through all.
std::optional<uid_t> connection_owner(int fd, std::uint16_t local, std::uint16_t remote) {
    const auto own = SocketAddress::bound_to(fd);
    const auto peer = SocketAddress::peer_of(fd);
    if (!own || !peer) return std::nullopt;
    const SocketAddress here = own->unmapped();
    const SocketAddress there = peer->unmapped();
    if (!here.is_ip() || here.family() != there.family()) return std::nullopt;

    inet_diag_req_v2 request{};
    request.sdiag_family = static_cast<std::uint8_t>(here.family());
    request.sdiag_protocol = IPPROTO_TCP;
    request.idiag_states = ~0U;
    request.id.idiag_sport = htons(local);
    request.id.idiag_dport = htons(remote);
    set_address(here, request.id.idiag_src);
    set_address(there, request.id.idiag_dst);
    if (here.family() == AF_INET6) request.id.idiag_if = here.v6().sin6_scope_id;
    request.id.idiag_cookie[0] = INET_DIAG_NOCOOKIE;
    request.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
    std::optional<uid_t> owner;
    ask(request, NLM_F_ACK, [&](const nlmsghdr* message) {
        const auto socket = payload_of<inet_diag_msg>(message);
        if (!socket) return false;
        // Where there is no such connection the kernel may find one that listens on the port; and
        // one that is over, or not complete yet, is nobody's.
        const bool this_one = socket->id.idiag_dport == htons(remote);
        const auto state = socket->idiag_state;
        constexpr std::uint8_t kNewSynRecv = 12; // of the kernel alone
        if (this_one && state != TCP_LISTEN && state != TCP_TIME_WAIT && state != kNewSynRecv &&
            socket->idiag_inode != 0)
            owner = socket->idiag_uid;
        return true;
    });
    return owner;
}

} // namespace inetd
