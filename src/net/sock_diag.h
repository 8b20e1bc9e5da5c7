#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace inetd {

// Identities of the connections that wait to be accepted from a listening socket, in no order: the
// kernel never gives one twice. 0 for one whose client has gone, where such are shown (unix).
// Nothing if the kernel does not tell, or if there are more than one wants to look at.
[[nodiscard]] std::optional<std::vector<std::uint64_t>> waiting_connections(int listener);

} // namespace inetd
