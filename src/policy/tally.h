#pragma once

#include "policy/histogram.h"

#include <cstdint>
#include <vector>

namespace inetd {

// What is counted of a service, beyond who was let in. Copied where somebody wants to see it.
struct Tally {
    static const Histogram::Bounds kSpawnBounds;   // 100 us to 10 s
    static const Histogram::Bounds kSessionBounds; // 1 ms to a day

    // How often servers ended so.
    struct Exit {
        bool signalled = false;
        int status = 0; // the exit status, or the signal
        std::uint64_t times = 0;
        friend bool operator==(const Exit&, const Exit&) = default;
    };

    Histogram spawns;           // from the round in which the client was found to its server's exec
    Histogram sessions;         // of servers and of clients of a built-in service
    std::uint64_t bytes_in = 0; // these two of a built-in service
    std::uint64_t bytes_out = 0; //
    std::uint64_t datagrams = 0; // that a built-in service has read
    std::uint64_t failed_spawns = 0;
    std::vector<Exit> exits; // as many as there are different ones

    void count_exit(bool signalled, int status);
    friend bool operator==(const Tally&, const Tally&) = default;
};

} // namespace inetd
