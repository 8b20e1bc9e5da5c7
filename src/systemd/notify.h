#pragma once

#include <chrono>
#include <string>

namespace inetd {

// Whether somebody waits for notifications (NOTIFY_SOCKET, sd_notify(3)).
[[nodiscard]] bool has_supervisor();

// Tells the supervisor how we are: "READY=1", "STOPPING=1\nSTATUS=...". Does nothing where there is
// none.
void notify(const std::string& state);

// "RELOADING=1" with the time that Type=notify-reload of systemd 253 asks for.
[[nodiscard]] std::string reloading_state();

// How often the supervisor wants to hear WATCHDOG=1, or else it ends us (sd_watchdog_enabled(3));
// zero: not at all.
[[nodiscard]] std::chrono::microseconds watchdog_interval();

} // namespace inetd
