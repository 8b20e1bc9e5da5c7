#include "server/supervisor.h"

#include "systemd/notify.h"

#include <chrono>
#include <fmt/format.h>

namespace inetd {

using namespace std::chrono_literals;

Supervisor::Supervisor(EventLoop& loop, std::function<std::string()> status)
    : loop_(loop),
      status_(std::move(status)),
      present_(has_supervisor()),
      watchdog_(watchdog_interval()) {}

void Supervisor::ready() {
    if (!present_) return;
    told_ = status_();
    notify("READY=1\nSTATUS=" + told_);
    feed_watchdog();
}

void Supervisor::reloading() const {
    if (present_) notify(reloading_state());
}

void Supervisor::reloaded(const std::string& status) {
    if (!present_) return;
    told_ = status.empty() ? status_() : status;
    notify("READY=1\nSTATUS=" + told_);
}

void Supervisor::stopping() {
    if (present_) notify("STOPPING=1\nSTATUS=" + status_());
}

void Supervisor::extend(Duration time) {
    const auto usec = std::chrono::duration_cast<std::chrono::microseconds>(time).count();
    if (present_) notify(fmt::format("EXTEND_TIMEOUT_USEC={}\nSTATUS={}", usec, status_()));
}

void Supervisor::touch() {
    if (!present_ || status_timer_) return;
    status_timer_ = loop_.after(1s, [this] { tell_status(); });
}

void Supervisor::tell_status() {
    std::string status = status_();
    if (status == told_) return;
    told_ = std::move(status);
    notify("STATUS=" + told_);
}

// From the loop itself, so that a loop that hangs is found out.
void Supervisor::feed_watchdog() {
    if (watchdog_ == Duration::zero()) return;
    notify("WATCHDOG=1");
    watchdog_timer_ = loop_.after(watchdog_ / 2, [this] { feed_watchdog(); });
}

} // namespace inetd
