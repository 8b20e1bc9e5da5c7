#include "net/traffic.h"

#include <cstddef>
// Not netinet/tcp.h, whose tcp_info ends before the counters of bytes.
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace inetd {

// The states of the kernel (include/net/tcp_states.h), as linux/tcp.h does not have them.
enum TcpState : std::uint8_t {
    tcp_close = 7,
    tcp_close_wait = 8,
    tcp_last_ack = 9,
    tcp_closing = 11
};

static std::uint64_t sent(const tcp_info& info) {
    return info.tcpi_bytes_sent - info.tcpi_bytes_retrans;
}

// The end of what the peer sends has a sequence number, which the kernel counts as a byte received;
// ours, once it is acknowledged, as a byte acknowledged. A connection that is closed, and has had
// ours, has nearly always had both. One that was broken off does not tell any more.
static bool peer_has_ended(const tcp_info& info) {
    if (info.tcpi_state == tcp_close) return info.tcpi_bytes_acked > sent(info);
    return info.tcpi_state == tcp_close_wait || info.tcpi_state == tcp_last_ack ||
           info.tcpi_state == tcp_closing;
}

std::optional<Traffic> traffic_of(int fd) {
    tcp_info info{};
    socklen_t size = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return std::nullopt;
    // Linux 4.19.
    if (size < offsetof(tcp_info, tcpi_bytes_retrans) + sizeof info.tcpi_bytes_retrans)
        return std::nullopt;
    Traffic traffic{.in = info.tcpi_bytes_received, .out = sent(info) + info.tcpi_notsent_bytes};
    if (traffic.in > 0 && peer_has_ended(info)) --traffic.in;
    return traffic;
}

} // namespace inetd
