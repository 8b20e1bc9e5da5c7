#pragma once

#include "event/loop.h"
#include "server/launcher.h"

#include <optional>
#include <unordered_map>
#include <vector>

namespace inetd {

// Ends servers because somebody asks for it: SIGTERM, and SIGKILL to what goes on.
class Kills {
  public:
    Kills(EventLoop& loop, const Launcher& launcher) : loop_(loop), launcher_(launcher) {}

    // All must be children of the launcher. After `patience` those that still run are killed.
    void end(const std::vector<pid_t>& pids, Duration patience);
    // When that is, for a daemon after us, and what that one does with it. Nothing: no such child.
    [[nodiscard]] std::optional<TimePoint> time_of(pid_t pid) const;
    void resume(pid_t pid, TimePoint at);

  private:
    void kill(pid_t pid, TimePoint started);
    void forget_the_ended();

    EventLoop& loop_;
    const Launcher& launcher_;
    struct Pending {
        TimePoint at{};
        TimePoint started{}; // the child's
        Timer timer;
    };
    std::unordered_map<pid_t, Pending> pending_;
};

} // namespace inetd
