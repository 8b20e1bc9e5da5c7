#pragma once

#include "event/loop.h"
#include "server/service.h"

#include <memory>
#include <sys/types.h>

namespace inetd {

// Ends a server that goes on for longer than session_timeout or, with kill_on_disconnect, after its
// client has gone: SIGTERM, and SIGKILL 5 s later. Dies with its child's entry in the table.
class Tether {
  public:
    // Null if the service asks for none of this. `connection` is a copy of the child's own, which
    // may be closed afterwards; -1 if there is none at hand.
    static std::unique_ptr<Tether> tie(EventLoop& loop, pid_t pid, ServiceConfigPtr config,
                                       const SocketAddress& peer, TimePoint started,
                                       int connection);

  private:
    Tether(EventLoop& loop, pid_t pid, ServiceConfigPtr config, const SocketAddress& peer)
        : loop_(loop), pid_(pid), config_(std::move(config)), peer_(peer) {}
    void watch(int connection);
    void end(const std::string& why);

    EventLoop& loop_;
    pid_t pid_;
    ServiceConfigPtr config_;
    SocketAddress peer_;
    Watch watch_;
    Timer timer_;
};

} // namespace inetd
