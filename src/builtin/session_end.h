#pragma once

#include "base/address.h"
#include "config/model.h"
#include "event/loop.h"

#include <cstdint>

namespace inetd {

// How a connection that was served in the loop ended.
struct SessionEnd {
    // A peer that closed or reset the connection is `eof`, as is an answer given in full.
    // `unreachable` is the target of a relay, `timeout` a session_timeout.
    enum class Reason : std::uint8_t { eof, error, idle, stopped, unreachable, timeout };

    ServiceConfigPtr service;
    SocketAddress peer;
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;
    Duration lasted{};
    Reason reason = Reason::eof;
    int error_code = 0; // errno; with `eof` it may be EPIPE or ECONNRESET
};

} // namespace inetd
