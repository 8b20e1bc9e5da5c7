#pragma once

#include "base/fd.h"

#include <chrono>
#include <deque>
#include <string>

namespace inetd {

// The supervisor that waits for notifications at NOTIFY_SOCKET, by the protocol of sd_notify(3).
// Not by libsystemd's function of that name: it blocks while the supervisor does not read, and with
// it would every service of the daemon.
class NotifySocket {
  public:
    NotifySocket();

    [[nodiscard]] bool present() const { return static_cast<bool>(fd_); }
    // Sends "READY=1", "STOPPING=1\nSTATUS=...", or keeps it until resend(). In order, none lost.
    void send(std::string state);
    // Tries again what could not be sent. True when nothing is left.
    bool resend();

  private:
    Fd fd_;
    std::deque<std::string> pending_;
};

// "RELOADING=1" with the time that Type=notify-reload of systemd 253 asks for.
[[nodiscard]] std::string reloading_state();

// How often the supervisor wants to hear WATCHDOG=1, or else it ends us (WATCHDOG_USEC,
// sd_watchdog_enabled(3)); zero: not at all.
[[nodiscard]] std::chrono::microseconds watchdog_interval();

} // namespace inetd
