#pragma once

#include <cstdint>
#include <optional>
#include <sys/types.h>
#include <vector>

namespace inetd {

// Identities of the connections that wait to be accepted from a listening socket, in no order: the
// kernel never gives one twice. 0 for one whose client has gone, where such are shown (unix).
// Nothing if the kernel does not tell, or if there are more than one wants to look at.
[[nodiscard]] std::optional<std::vector<std::uint64_t>> waiting_connections(int listener);

// Who owns the connection of TCP between port `local` of this machine and port `remote` of another
// one; the two machines are those at the ends of the TCP connection `fd`. Nothing if there is none.
[[nodiscard]] std::optional<uid_t> connection_owner(int fd, std::uint16_t local,
                                                    std::uint16_t remote);

} // namespace inetd
