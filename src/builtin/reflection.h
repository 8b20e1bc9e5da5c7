#pragma once

#include <cstdint>
#include <netinet/in.h>
#include <sys/socket.h>

namespace inetd {

// What the kernel tells of the way of a datagram: of IPv4 (IP_PKTINFO), of IPv6
// (IPV6_RECVPKTINFO), or of both where a socket of IPv6 has got one of IPv4. What is all zero is
// unknown.
struct DatagramRoute {
    in_addr asked{};        // the destination that the datagram names
    in6_addr asked6{};      // the same, of IPv6
    in_addr local{};        // the address of ours that an answer to it would come from
    std::uint16_t port = 0; // of the built-in service; 0: servers of its own may answer from it
};

// Whether an answer to `source`, of whichever family, could do harm: begin an endless exchange with
// another answering service, or reach more than one machine or a forged one. True means: do not
// answer.
//
// Refused are source ports of services that answer whatever they get (echo 7, discard 9, daytime
// 13, qotd 17, chargen 19, time 37), a built-in's own port (two hosts with the same service could
// be set on each other), port 0; sources that are unspecified, 0.0.0.0/8, broadcast or multicast;
// and datagrams sent to a broadcast or multicast address. Loopback clients are answered.
//
// A source that is the broadcast address of a subnet cannot be told from its bytes; the kernel
// drops such datagrams itself and, without SO_BROADCAST, refuses to send there.
[[nodiscard]] bool may_reflect(const sockaddr& source, const DatagramRoute& route);

} // namespace inetd
