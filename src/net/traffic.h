#pragma once

#include <cstdint>
#include <optional>

namespace inetd {

// Bytes of what was said on a connection, each counted once however often it was sent.
struct Traffic {
    std::uint64_t in = 0;  // received, whether read or not
    std::uint64_t out = 0; // written, whether it has arrived or not
};

// Of a socket of TCP that still is open somewhere; nothing if the kernel does not tell.
[[nodiscard]] std::optional<Traffic> traffic_of(int fd);

} // namespace inetd
