#include "builtin/deadline.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace inetd {

static Duration shorter(Duration one, Duration other) {
    if (one == Duration::zero()) return other;
    return other == Duration::zero() ? one : std::min(one, other);
}

Patience shorter(const Patience& one, const Patience& other) {
    return {.idle = shorter(one.idle, other.idle), .whole = shorter(one.whole, other.whole)};
}

Patience patience_of(const ServiceConfig& service, Duration lasted) {
    Patience patience{.idle = service.terms->idle_timeout, .whole = service.terms->session_timeout};
    // What has no time left is not without a limit.
    if (patience.whole != Duration::zero())
        patience.whole = std::max<Duration>(patience.whole - lasted, std::chrono::milliseconds(1));
    return patience;
}

void Deadline::start(EventLoop& loop, const Patience& patience, std::function<void()> passed) {
    loop_ = &loop;
    patience_ = patience;
    passed_ = std::move(passed);
    started_ = touched_ = Clock::now();
    wait();
}

void Deadline::touch() {
    if (loop_ != nullptr) touched_ = loop_->now();
}

// A touch does not move the timer: it finds out by itself, when it fires, how much is left.
void Deadline::wait() {
    const TimePoint now = Clock::now();
    Duration left = Duration::max();
    if (patience_.idle != Duration::zero()) left = touched_ + patience_.idle - now;
    if (patience_.whole != Duration::zero())
        left = std::min(left, started_ + patience_.whole - now);
    if (left == Duration::max()) return;
    if (left > Duration::zero()) {
        timer_ = loop_->after(left, [this] { wait(); });
        return;
    }
    const auto passed = std::move(passed_);
    passed();
}

} // namespace inetd
