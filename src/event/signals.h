#pragma once

#include "base/fd.h"
#include "event/loop.h"

#include <csignal>
#include <functional>
#include <initializer_list>

namespace inetd {

// Blocks every signal but job control and faults for the whole process, and gives every one its
// default disposition back, because ignored signals would be inherited by services through
// execve(2). Call it before anything else: what comes earlier is lost, what comes later waits for
// Signals.
void block_signals();

// Gives the signals that are asked for to a handler in the loop (signalfd(2)), ahead of all other
// events of a round. Nothing ever runs in signal context, so a child of clone(2) that shares our
// memory cannot run a handler of ours.
class Signals {
  public:
    // si.ssi_signo and si.ssi_pid tell which signal and from whom.
    using Handler = std::function<void(int signal, pid_t sender)>;

    // The signals must be blocked already.
    Signals(EventLoop& loop, std::initializer_list<int> wanted, Handler handler);

  private:
    void read_all();

    Handler handler_;
    Fd fd_;
    Watch watch_;
};

} // namespace inetd
