#include "systemd/notify.h"

#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <fmt/format.h>
#include <systemd/sd-daemon.h>

namespace inetd {

bool has_supervisor() {
    return std::getenv("NOTIFY_SOCKET") != nullptr;
}

// A supervisor that cannot be told has gone away; there is nothing to do about it here.
void notify(const std::string& state) {
    static_cast<void>(sd_notify(0, state.c_str()));
}

std::string reloading_state() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return fmt::format("RELOADING=1\nMONOTONIC_USEC={}",
                       now.tv_sec * 1'000'000 + now.tv_nsec / 1'000);
}

std::chrono::microseconds watchdog_interval() {
    std::uint64_t interval = 0;
    return std::chrono::microseconds(sd_watchdog_enabled(0, &interval) > 0 ? interval : 0);
}

} // namespace inetd
