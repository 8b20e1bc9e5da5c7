#pragma once

#include <optional>
#include <sys/types.h>
#include <vector>

namespace inetd {

// The process that has connected a unix socket, as it was then (unix(7), SO_PEERCRED).
struct PeerUser {
    uid_t user = 0;
    std::vector<gid_t> groups{}; // the primary one first
};
// Nothing if the socket is none that is connected.
[[nodiscard]] std::optional<PeerUser> peer_user(int connection);

} // namespace inetd
