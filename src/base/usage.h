#pragma once

#include <cstdint>
#include <optional>
#include <sys/types.h>

namespace inetd {

// What a process has used until now, by itself and without its children.
struct Usage {
    double cpu = 0;           // seconds, of user and system
    std::uint64_t memory = 0; // bytes that are resident
};

// From /proc/PID/stat, proc(5). Nothing if the process has gone.
[[nodiscard]] std::optional<Usage> usage_of(pid_t pid);

} // namespace inetd
