#pragma once

#include "event/loop.h"
#include "server/launcher.h"
#include "server/leftovers.h"
#include "server/supervisor.h"

#include <csignal>
#include <cstddef>
#include <string>

namespace inetd {

// The end of the daemon by SIGTERM: servers may finish, are asked to end after a while, and are
// ended shortly after that. Stops the loop when none is left.
class Shutdown {
  public:
    Shutdown(EventLoop& loop, Launcher& launcher, Supervisor& supervisor)
        : loop_(loop),
          launcher_(launcher),
          supervisor_(supervisor),
          leftovers_(loop, launcher, [this] { server_ended(); }) {}

    [[nodiscard]] bool begun() const { return begun_; }
    // Nobody new is let in any more. Servers that run have so long to end by themselves.
    void begin(Duration stop_timeout);
    // They have no more time.
    void hurry() { end_servers(SIGTERM); }
    // Call it when a child has ended.
    void server_ended();

  private:
    [[nodiscard]] std::size_t still_running();
    [[nodiscard]] std::string running_text() const;
    void wait();
    void end_servers(int signal);

    EventLoop& loop_;
    Launcher& launcher_;
    Supervisor& supervisor_;
    Leftovers leftovers_;
    Timer timer_;
    TimePoint deadline_{};
    bool begun_ = false;
    std::size_t asked_ = 0;  // servers that were sent TERM
    std::size_t killed_ = 0; // and KILL
};

} // namespace inetd
