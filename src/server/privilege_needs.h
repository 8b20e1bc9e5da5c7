#pragma once

#include "config/model.h"

#include <climits>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace inetd {

// What the daemon is and where it runs, as far as it says what takes a capability.
struct PrivilegeFacts {
    Account own;                          // of the daemon
    std::uint32_t first_free_port = 1024; // net.ipv4.ip_unprivileged_port_start
    int most_buffer = INT_MAX;            // of a socket, without a capability
    int nice = 0;
    // The hard limit of a resource, setrlimit(2).
    std::function<std::uint64_t(int resource)> hard_limit;
    // Whether a capability is all that lets us at the path; `mode` as of access(2).
    std::function<bool(const std::string& path, int mode)> is_closed;
    std::vector<std::string> files; // of the configuration
    bool can_filter_calls = true;   // as a parser does, which may be root then
    bool has_servers = false;       // of a configuration before this, perhaps
};

// A capability that is needed, and the first thing that needs it: "ftp: a low port".
struct Need {
    int capability = 0;
    std::string reason;
};

// What a daemon takes of root's power for these services and settings, now and until the next
// reload. The order is that of the numbers.
[[nodiscard]] std::vector<Need> privilege_needs(const DaemonSettings& settings,
                                                const std::vector<ServiceConfigPtr>& services,
                                                const PrivilegeFacts& facts);

[[nodiscard]] CapabilitySet capabilities_of(const std::vector<Need>& needs);

} // namespace inetd
