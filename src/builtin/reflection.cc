#include "builtin/reflection.h"

#include <algorithm>
#include <array>

namespace inetd {

static constexpr std::array<std::uint32_t, 7> kAnsweringPorts{0, 7, 9, 13, 17, 19, 37};

static bool is_limited_broadcast(const SocketAddress& address) {
    return address.family() == AF_INET && address.v4().sin_addr.s_addr == htonl(INADDR_BROADCAST);
}

static bool is_this_network(const SocketAddress& address) {
    return address.family() == AF_INET && (ntohl(address.v4().sin_addr.s_addr) >> 24) == 0;
}

static bool reaches_many(const SocketAddress& address) {
    return address.is_multicast() || is_limited_broadcast(address);
}

// ip(7): for a datagram to a broadcast address of a subnet, ipi_spec_dst is an address of ours and
// ipi_addr is not. A spec_dst of 0 says that the datagram came before the option was set.
static bool is_subnet_broadcast(const SocketAddress& asked, const SocketAddress& local) {
    return asked.family() == AF_INET && local.family() == AF_INET && !local.is_wildcard() &&
           asked.v4().sin_addr.s_addr != local.v4().sin_addr.s_addr;
}

bool may_reflect(const SocketAddress& source, const DatagramRoute& route) {
    if (!source.is_ip()) return false;
    const SocketAddress plain = source.unmapped();
    const std::uint32_t port = plain.port();
    if (std::ranges::find(kAnsweringPorts, port) != kAnsweringPorts.end()) return true;
    if (port == route.port) return true;
    if (plain.is_wildcard() || is_this_network(plain) || reaches_many(plain)) return true;
    const SocketAddress asked = route.asked.unmapped();
    return reaches_many(asked) || is_subnet_broadcast(asked, route.local.unmapped());
}

} // namespace inetd
