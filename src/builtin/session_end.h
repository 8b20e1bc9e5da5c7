#pragma once

#include "base/address.h"
#include "config/model.h"
#include "event/loop.h"

#include <cstdint>
#include <memory>

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
    // What the connection was given at its start: dropped with the last copy of this.
    std::shared_ptr<void> lease{};
};

// What a connection has moved so far.
struct SessionBytes {
    const std::shared_ptr<void>& lease;
    std::uint64_t in = 0;
    std::uint64_t out = 0;
};

} // namespace inetd
