#pragma once

#include "base/address.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace inetd {

// What a balancer says of a connection before its first byte, by the PROXY protocol of HAProxy
// (proxy-protocol.txt), version 1 or 2.
struct ProxyHeader {
    // The longest line of version 1, with its CR LF.
    static constexpr std::size_t kLongestLine = 107;
    // The most that is taken of version 2, whose extensions could go to 64 KiB. Certificates are
    // not among those that balancers send; names, checksums and ids fit.
    static constexpr std::size_t kLongest = 2048;

    enum class State : std::uint8_t {
        more,     // all that is there belongs to the header
        complete, // the first `size` bytes do
        bad,      // it is none
    };

    State state = State::more;
    std::size_t size = 0;
    // Both or neither: neither where the balancer speaks for itself (LOCAL, UNKNOWN), or of a
    // client that has no address of IP.
    std::optional<SocketAddress> source{};
    std::optional<SocketAddress> destination{};
};

// Of the bytes at the start of a connection. Pure. Bytes beyond ProxyHeader::kLongest need not be
// there.
[[nodiscard]] ProxyHeader parse_proxy_header(std::string_view bytes);

} // namespace inetd
