#include "server/shutdown.h"

#include "base/seconds.h"
#include "log/log.h"

#include <algorithm>
#include <chrono>
#include <cstring>

namespace inetd {

using namespace std::chrono_literals;

static constexpr Duration kKillTimeout = 5s; // between TERM and KILL

void Shutdown::begin(Duration stop_timeout) {
    begun_ = true;
    supervisor_.stopping();
    if (still_running() == 0) return server_ended();
    log::notice("stopping; waiting {:.0f} s for {} to end", seconds(stop_timeout), running_text());
    deadline_ = Clock::now() + stop_timeout;
    wait();
}

// "3", "3 (2 of them left in the unit before)"
std::string Shutdown::running_text() const {
    const std::size_t left = leftovers_.count();
    if (left == 0) return fmt::format("{}", launcher_.running());
    return fmt::format("{} ({} of them left in the unit before)", launcher_.running() + left, left);
}

// A supervisor with a time-out of its own is told in time that we are not hanging.
void Shutdown::wait() {
    static constexpr Duration kStep = 5s;
    const Duration left = deadline_ - Clock::now();
    if (left <= Duration::zero()) return end_servers(SIGTERM);
    const Duration step = std::min(left, kStep);
    supervisor_.extend(step + 2 * kKillTimeout);
    timer_ = loop_.after(step, [this] { wait(); });
}

void Shutdown::end_servers(int signal) {
    const std::size_t running = still_running();
    log::notice("{} still running: sending SIG{}", running_text(), sigabbrev_np(signal));
    launcher_.signal_all(signal);
    leftovers_.signal_all(signal);
    (signal == SIGTERM ? asked_ : killed_) = running;
    supervisor_.extend(2 * kKillTimeout);
    if (signal == SIGTERM) timer_ = loop_.after(kKillTimeout, [this] { end_servers(SIGKILL); });
}

// A server that has ended may have left others behind, so we look again each time.
std::size_t Shutdown::still_running() {
    return launcher_.running() + leftovers_.look();
}

void Shutdown::server_ended() {
    if (!begun_ || launcher_.running() != 0 || still_running() != 0) return;
    if (asked_ != 0)
        log::notice("{} ended by SIGTERM or after it, {} by SIGKILL", asked_ - killed_, killed_);
    log::info({.event = log::Event::stopped}, "stopped");
    loop_.stop();
}

} // namespace inetd
