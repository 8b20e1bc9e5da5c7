#include "builtin/reflection.h"

#include <array>
#include <cstring>

namespace inetd {

static constexpr std::array<std::uint16_t, 7> kAnsweringPorts{0, 7, 9, 13, 17, 19, 37};

static bool answers_whatever_comes(std::uint16_t port) {
    for (const std::uint16_t answering : kAnsweringPorts)
        if (port == answering) return true;
    return false;
}

static bool reaches_many(in_addr address) {
    const std::uint32_t host = ntohl(address.s_addr);
    return IN_MULTICAST(host) || host == INADDR_BROADCAST;
}

static in_addr unmapped(const in6_addr& address) {
    in_addr v4{};
    std::memcpy(&v4, &address.s6_addr[12], sizeof v4);
    return v4;
}

static bool reaches_many(const in6_addr& address) {
    if (IN6_IS_ADDR_V4MAPPED(&address)) return reaches_many(unmapped(address));
    return IN6_IS_ADDR_MULTICAST(&address);
}

// One of "this network", which is 0.0.0.0/8, RFC 1122, or of many machines.
static bool is_no_machine(in_addr address) {
    return (ntohl(address.s_addr) >> 24) == 0 || reaches_many(address);
}

static bool is_no_machine(const in6_addr& address) {
    if (IN6_IS_ADDR_V4MAPPED(&address)) return is_no_machine(unmapped(address));
    return IN6_IS_ADDR_UNSPECIFIED(&address) || reaches_many(address);
}

// ip(7): for a datagram to a broadcast address of a subnet, ipi_spec_dst is an address of ours and
// ipi_addr is not. A spec_dst of 0 says that the datagram came before the option was set.
static bool is_subnet_broadcast(in_addr asked, in_addr local) {
    return asked.s_addr != 0 && local.s_addr != 0 && asked.s_addr != local.s_addr;
}

static bool may_reflect(std::uint16_t port, const DatagramRoute& route) {
    return answers_whatever_comes(port) || port == route.port || reaches_many(route.asked) ||
           reaches_many(route.asked6) || is_subnet_broadcast(route.asked, route.local);
}

bool may_reflect(const sockaddr& source, const DatagramRoute& route) {
    if (source.sa_family == AF_INET) {
        const auto& v4 = reinterpret_cast<const sockaddr_in&>(source);
        return is_no_machine(v4.sin_addr) || may_reflect(ntohs(v4.sin_port), route);
    }
    if (source.sa_family == AF_INET6) {
        const auto& v6 = reinterpret_cast<const sockaddr_in6&>(source);
        return is_no_machine(v6.sin6_addr) || may_reflect(ntohs(v6.sin6_port), route);
    }
    return false;
}

} // namespace inetd
