#pragma once

#include "base/fd.h"
#include "net/inherited.h"

#include <string>
#include <unordered_map>
#include <vector>

namespace inetd {

// What the daemon starts with besides its configuration. Filled by inherit() or by whoever else
// starts it, before Server::create().
struct Inheritance {
    InheritedSockets sockets;
    // Pidfds of the wait servers that a daemon before has lent a socket, by socket_key().
    std::unordered_map<std::string, Fd> servers;
    std::vector<std::string> problems; // for the log
};

// What the supervisor hands in: the sockets of its units, and what it has kept for us in its store.
// Call it before any descriptor is opened, in the process that the supervisor has started.
[[nodiscard]] Inheritance inherit();

} // namespace inetd
