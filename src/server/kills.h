#pragma once

#include "event/loop.h"
#include "server/launcher.h"

#include <unordered_map>
#include <vector>

namespace inetd {

// Ends servers because somebody asks for it: SIGTERM, and SIGKILL to what goes on.
class Kills {
  public:
    Kills(EventLoop& loop, const Launcher& launcher) : loop_(loop), launcher_(launcher) {}

    // All must be children of the launcher. After `patience` those that still run are killed.
    void end(const std::vector<pid_t>& pids, Duration patience);

  private:
    void kill(pid_t pid, TimePoint started);
    void forget_the_ended();

    EventLoop& loop_;
    const Launcher& launcher_;
    std::unordered_map<pid_t, Timer> timers_;
};

} // namespace inetd
