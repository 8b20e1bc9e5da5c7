#pragma once

#include "base/named_fd.h"

#include <string>
#include <vector>

namespace inetd {

// What a supervisor hands in by the protocol of sd_listen_fds(3): first the sockets of its own,
// then what it has kept in its store for us.
struct ListenFds {
    std::vector<NamedFd> fds;          // close-on-exec; "unknown" where there are no names
    std::vector<std::string> problems; // what is wrong with the variables, for the log
};

// Takes the descriptors from 3 on and removes the variables, so that no child finds them. Variables
// that are meant for another process are removed, too. Call it in the process that the supervisor
// started, before anything is opened and before any fork.
[[nodiscard]] ListenFds take_listen_fds();

} // namespace inetd
