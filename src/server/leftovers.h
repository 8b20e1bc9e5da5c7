#pragma once

#include "event/loop.h"
#include "server/launcher.h"

#include <functional>
#include <unordered_map>

namespace inetd {

// The processes of our service that are not our children: servers that a daemon before us has
// started, and what servers have left in the background. systemd leaves them to us, since its unit
// says KillMode=process. There are none where systemd has not given us a control group.
class Leftovers {
  public:
    // `ended` is called when one of those that look() has seen has ended.
    Leftovers(EventLoop& loop, const Launcher& launcher, std::function<void()> ended)
        : loop_(loop), launcher_(launcher), ended_(std::move(ended)) {}

    // Looks who is there, and watches them from now on.
    std::size_t look();
    [[nodiscard]] std::size_t count() const { return processes_.size(); }
    // Also those that look() finds from now on.
    void signal_all(int signal);

  private:
    struct Process {
        Fd pidfd;
        Watch watch;
    };

    void watch(pid_t pid, Process& process);

    EventLoop& loop_;
    const Launcher& launcher_;
    std::function<void()> ended_;
    std::unordered_map<pid_t, Process> processes_;
    int signal_ = 0; // that all have been sent
};

} // namespace inetd
