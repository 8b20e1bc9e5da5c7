#pragma once

#include "base/fd.h"
#include "net/inherited.h"

#include <string>
#include <sys/types.h>
#include <unordered_map>
#include <vector>

namespace inetd {

// A wait server that a daemon before has lent a socket.
struct Borrower {
    // Empty for a child of this process of which none could be had: pidfd_open(2).
    Fd pidfd;
    pid_t child = 0; // 0: it is no child of this process
};

// What the daemon starts with besides its configuration. Filled by inherit() or by whoever else
// starts it, before Server::create().
struct Inheritance {
    InheritedSockets sockets;
    std::unordered_map<std::string, Borrower> servers; // by socket_key()
    std::vector<std::string> problems;                 // for the log
};

// What the supervisor hands in: the sockets of its units, and what it has kept for us in its store.
// Call it before any descriptor is opened, in the process that the supervisor has started.
[[nodiscard]] Inheritance inherit();

} // namespace inetd
