#pragma once

#include "base/address.h"
#include "base/fd.h"
#include "event/loop.h"

#include <memory>

namespace inetd {

// A connection that is known to be that of `peer`. `lease`: the place that was kept for it.
struct Client {
    Fd fd;
    SocketAddress peer;
    SocketAddress local; // no family: as the connection has it
    std::shared_ptr<void> lease;
    TimePoint since{}; // when it was found
};

} // namespace inetd
