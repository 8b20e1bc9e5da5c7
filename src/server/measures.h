#pragma once

#include "server/acceptor.h"
#include "server/launcher.h"
#include "server/roster.h"
#include "server/state.h"

#include <cstdint>
#include <vector>

namespace inetd {

// The state and all that is counted, at one moment, as values.
struct Measures {
    State state;
    std::vector<Tally> tallies;    // of state.services; with the bytes of sessions that go on
    std::uint64_t sessions = 0;    // clients that are served in the daemon itself
    std::uint64_t descriptors = 0; // that it has open
    std::uint64_t descriptor_limit = 0;
};

[[nodiscard]] Measures take_measures(const Roster& roster, const Launcher& launcher,
                                     const Acceptor& acceptor);

} // namespace inetd
