#pragma once

#include "base/result.h"
#include "ctl/way.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace inetd::ctl {

// What a client does with a service.
struct TrialPlan {
    std::string prefix;                // is sent in any case
    std::string text;                  // is sent then
    int input = -1;                    // and what can be read from here, until its end
    std::string probe;                 // if there was nothing in either
    bool ends = false;                 // the sending half is closed after the probe, too
    bool silent = false;               // no answer is to come
    std::chrono::milliseconds limit{}; // for all of it
    std::size_t most = 0;              // bytes of an answer; 0 = no limit
    // A connection is there, after so many seconds.
    std::function<void(const SocketAddress&, double)> connected;
    std::function<void(std::string_view)> show; // the answer as it comes
};

// What came of it. Times are seconds since it began.
struct Trial {
    enum class End : std::uint8_t {
        unreachable, // no connection, see `error`
        closed,      // by the service, in order
        reset,       // by the service or the network, see `error`
        timed_out,
        enough, // as much came as was wanted
        quiet,  // a datagram service has answered, or is not to, and nothing more came
    };
    End end = End::closed;
    int error = 0; // errno
    std::optional<double> connected{};
    std::optional<double> first{}; // byte
    double lasted = 0;
    std::uint64_t sent = 0; // without the prefix
    bool probed = false;    // nothing was sent but the probe
    std::string unsent{};   // of the plan's text, and of what was read from its input
    std::uint64_t received = 0;
    std::string peer{}; // that a datagram has come from, if it was another address
    // Our own address as the daemon calls it, or the end of that: ":4711".
    std::string own{};
};

// Waits until it is over.
[[nodiscard]] Trial attempt(const Way& way, const TrialPlan& plan);

} // namespace inetd::ctl
