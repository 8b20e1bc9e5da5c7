#include "server/supervisor.h"

#include <chrono>
#include <fmt/core.h>
#include <system_error>
#include <unistd.h>

namespace inetd {

using namespace std::chrono_literals;

static constexpr Duration kAgain = 100ms;

Supervisor::Supervisor(EventLoop& loop, std::function<std::string()> status)
    : loop_(loop), status_(std::move(status)), watchdog_(watchdog_interval()) {}

void Supervisor::tell(std::string state, int fd) {
    socket_.send(std::move(state), fd);
    tell_again();
}

// A supervisor that is slow to read is told as soon as it has room.
void Supervisor::tell_again() {
    if (!socket_.present() || again_timer_) return;
    switch (socket_.resend()) {
    case NotifySocket::Outcome::done:
        return room_watch_.reset();
    case NotifySocket::Outcome::full:
        return await_room();
    case NotifySocket::Outcome::later:
        room_watch_.reset();
        again_timer_ = loop_.after(kAgain, [this] { tell_again(); });
        return;
    }
}

void Supervisor::await_room() {
    if (room_watch_) return;
    try {
        room_watch_ = loop_.watch(socket_.fd(), EPOLLOUT, [this](std::uint32_t) { tell_again(); });
    } catch (const std::system_error&) {
        // epoll_ctl(2): ENOSPC, ENOMEM
        again_timer_ = loop_.after(kAgain, [this] { tell_again(); });
    }
}

void Supervisor::store(const std::string& name, int fd, bool polled) {
    if (socket_.present()) tell(store_state(name, polled), fd);
}

void Supervisor::unstore(const std::string& name) {
    if (socket_.present()) tell(unstore_state(name));
}

void Supervisor::ready() {
    if (!socket_.present()) return;
    told_ = status_();
    tell(fmt::format("READY=1\nMAINPID={}\nSTATUS={}", getpid(), told_));
    feed_watchdog();
}

void Supervisor::reloading() {
    if (socket_.present()) tell(reloading_state());
}

void Supervisor::reloaded(const std::string& status) {
    if (!socket_.present()) return;
    told_ = status.empty() ? status_() : status;
    tell("READY=1\nSTATUS=" + told_);
}

void Supervisor::stopping() {
    if (socket_.present()) tell("STOPPING=1\nSTATUS=" + status_());
}

void Supervisor::extend(Duration time) {
    const auto usec = std::chrono::duration_cast<std::chrono::microseconds>(time).count();
    if (socket_.present()) tell(fmt::format("EXTEND_TIMEOUT_USEC={}\nSTATUS={}", usec, status_()));
}

void Supervisor::touch() {
    if (!socket_.present() || status_timer_) return;
    status_timer_ = loop_.after(1s, [this] { tell_status(); });
}

void Supervisor::tell_status() {
    std::string status = status_();
    if (status == told_) return;
    told_ = std::move(status);
    tell("STATUS=" + told_);
}

// From the loop itself, so that a loop that hangs is found out.
void Supervisor::feed_watchdog() {
    if (watchdog_ == Duration::zero()) return;
    tell("WATCHDOG=1");
    watchdog_timer_ = loop_.after(watchdog_ / 2, [this] { feed_watchdog(); });
}

} // namespace inetd
