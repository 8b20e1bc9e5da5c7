#include "net/peer_user.h"

#include <cerrno>
#include <sys/socket.h>

namespace inetd {

std::optional<PeerUser> peer_user(int connection) {
    ucred credentials{};
    socklen_t size = sizeof credentials;
    if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0 ||
        credentials.uid == static_cast<uid_t>(-1))
        return std::nullopt;
    PeerUser user{.user = credentials.uid, .groups = {credentials.gid}};
    // Told how much room is needed where there is too little.
    std::vector<gid_t> groups(64);
    for (int tries = 0; tries < 2; ++tries) {
        size = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
        const int done = getsockopt(connection, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size);
        const int code = errno;
        groups.resize(size / sizeof(gid_t));
        if (done == 0) {
            user.groups.insert(user.groups.end(), groups.begin(), groups.end());
            return user;
        }
        if (code != ERANGE) break;
    }
    // A kernel that does not know (before 4.13): the primary one alone would let in whom a list
    // of groups shuts out.
    return std::nullopt;
}

} // namespace inetd
