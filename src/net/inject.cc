#include "net/inject.h"

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sys/uio.h>

namespace inetd {

static constexpr std::size_t kMostBytes =
    65535;                           // of an IP packet; loopback takes that in one piece
static constexpr int kPatience = 20; // ms until a packet over loopback counts as lost

static std::uint32_t add_words(std::uint32_t sum, const void* data, std::size_t size) {
    const auto* bytes = static_cast<const std::uint8_t*>(data);
    for (std::size_t i = 0; i + 1 < size; i += 2)
        sum += static_cast<std::uint32_t>(bytes[i] << 8 | bytes[i + 1]);
    if (size % 2 != 0) sum += static_cast<std::uint32_t>(bytes[size - 1] << 8);
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

static udphdr udp_header(const SocketAddress& peer, const SocketAddress& local, std::size_t size) {
    udphdr header{};
    header.source = htons(static_cast<std::uint16_t>(peer.port()));
    header.dest = htons(static_cast<std::uint16_t>(local.port()));
    header.len = htons(static_cast<std::uint16_t>(sizeof header + size));
    return header;
}

static bool send_parts(int fd, SocketAddress target, std::array<iovec, 3> parts) {
    target.set_port(0); // raw(7): the field must be zero
    msghdr message{};
    message.msg_name = const_cast<sockaddr*>(target.data());
    message.msg_namelen = target.size();
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    // Once more where it was a matter of the moment (EINTR, ENOBUFS): the other way shows a wrong
    // sender.
    for (int attempt = 0; attempt < 2; ++attempt)
        if (sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return true;
    return false;
}

static iovec part(const void* data, std::size_t size) {
    return {const_cast<void*>(data), size};
}

static bool send_v4(int fd, const SocketAddress& peer, const SocketAddress& local,
                    std::string_view payload) {
    const udphdr udp = udp_header(peer, local, payload.size()); // no checksum: RFC 768 allows 0
    iphdr ip{};
    ip.version = 4;
    ip.ihl = sizeof ip / 4;
    ip.ttl = 64;
    ip.protocol = IPPROTO_UDP;
    ip.saddr = peer.v4().sin_addr.s_addr;
    ip.daddr = local.v4().sin_addr.s_addr;
    ip.tot_len = htons(static_cast<std::uint16_t>(sizeof ip + sizeof udp + payload.size()));
    return send_parts(
        fd, local,
        {part(&ip, sizeof ip), part(&udp, sizeof udp), part(payload.data(), payload.size())});
}

static bool send_v6(int fd, const SocketAddress& peer, const SocketAddress& local,
                    std::string_view payload) {
    udphdr udp = udp_header(peer, local, payload.size());
    ip6_hdr ip{};
    ip.ip6_flow = htonl(6U << 28);
    ip.ip6_plen = udp.len;
    ip.ip6_nxt = IPPROTO_UDP;
    ip.ip6_hlim = 64;
    ip.ip6_src = peer.v6().sin6_addr;
    ip.ip6_dst = local.v6().sin6_addr;
    // RFC 8200, 8.1: the checksum is mandatory and covers a pseudo-header; what sums to 0 is sent
    // as ffff.
    std::uint32_t sum = add_words(IPPROTO_UDP + ntohs(udp.len), &ip.ip6_src, 32);
    sum = add_words(sum, &udp, sizeof udp);
    sum = add_words(sum, payload.data(), payload.size());
    const auto checksum = static_cast<std::uint16_t>(~sum & 0xffff);
    udp.check = htons(checksum == 0 ? 0xffff : checksum);
    return send_parts(
        fd, local,
        {part(&ip, sizeof ip), part(&udp, sizeof udp), part(payload.data(), payload.size())});
}

static bool has_datagram(int socket, int patience) {
    pollfd item{socket, POLLIN, 0};
    return poll(&item, 1, patience) == 1;
}

bool DatagramInjector::prepare(int family) {
    Fd& raw = family == AF_INET6 ? raw_v6_ : raw_v4_;
    if (raw_works_ && !raw) {
        raw.reset(socket(family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
        raw_works_ = raw || (errno != EPERM && errno != EACCES);
        if (!raw && raw_works_) return false;
    }
    if (!spare_) spare_.reset(open("/dev/null", O_RDONLY | O_CLOEXEC));
    return static_cast<bool>(spare_);
}

bool DatagramInjector::send_raw(const SocketAddress& peer, const SocketAddress& local,
                                std::string_view payload) {
    const bool v6 = local.family() == AF_INET6;
    const std::size_t headers = sizeof(udphdr) + (v6 ? sizeof(ip6_hdr) : sizeof(iphdr));
    // A link-local address is valid on its own interface only, not on the loopback.
    if (payload.size() + headers > kMostBytes) return false;
    if (v6 && IN6_IS_ADDR_LINKLOCAL(&local.v6().sin6_addr)) return false;
    const Fd& raw = v6 ? raw_v6_ : raw_v4_;
    if (!raw) return false;
    return v6 ? send_v6(raw.get(), peer, local, payload) : send_v4(raw.get(), peer, local, payload);
}

bool DatagramInjector::inject_raw(int socket, const SocketAddress& peer, const SocketAddress& local,
                                  std::string_view payload) {
    const bool had_some = has_datagram(socket, 0);
    if (!send_raw(peer, local, payload)) return false;
    // In a queue that is not empty one does not see whether it has arrived.
    if (had_some && raw_proved_) return true;
    // A packet filter may drop on the loopback what comes from an address that is not its own.
    raw_proved_ = raw_proved_ || has_datagram(socket, kPatience);
    raw_works_ = raw_proved_;
    return raw_works_;
}

bool DatagramInjector::inject_exactly(const SocketAddress& peer, const SocketAddress& local,
                                      std::string_view payload) {
    return raw_works_ && raw_proved_ && send_raw(peer, local, payload);
}

// From a socket of our own to which the target is connected just for that moment, so that no third
// party's datagram can slip in.
bool DatagramInjector::inject_plain(int target, int protocol, const SocketAddress& peer,
                                    const SocketAddress& local, std::string_view payload) {
    spare_.reset();
    // Ours lets in its peer only. An option that takes nothing wants an int all the same (EINVAL).
    const int unused = 0;
    setsockopt(target, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof unused);
    detached_ = true;
    const Fd sender(socket(local.family(), SOCK_DGRAM | SOCK_CLOEXEC, protocol));
    if (!sender) return false;
    SocketAddress own = local;
    own.set_port(0);
    if (bind(sender.get(), own.data(), own.size()) != 0) return false;
    const auto bound = SocketAddress::bound_to(sender.get());
    if (!bound || connect(target, bound->data(), bound->size()) != 0) return false;
    const bool sent = sendto(sender.get(), payload.data(), payload.size(), MSG_NOSIGNAL,
                             local.data(), local.size()) >= 0;
    const bool back = connect(target, peer.data(), peer.size()) == 0;
    return sent && back;
}

bool DatagramInjector::inject(int socket, int protocol, const SocketAddress& peer,
                              const SocketAddress& local, std::string_view payload) {
    if (raw_works_ && protocol == IPPROTO_UDP && inject_raw(socket, peer, local, payload))
        return true;
    return inject_plain(socket, protocol, peer, local, payload);
}

} // namespace inetd
