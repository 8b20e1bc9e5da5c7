#include "event/loop.h"

#include <algorithm>
#include <cerrno>
#include <system_error>

// epoll reports what it was given in epoll_event.data, and it may report a descriptor that a
// handler of the same round has just closed, or whose number another descriptor has taken over
// since. So data holds the index of an entry and the entry's generation, which goes up whenever the
// entry is given to somebody else: an event of an older generation is stale and dropped.

namespace inetd {

static constexpr std::size_t kEventsPerRound = 256;
static constexpr std::chrono::milliseconds kUnchangedWait{50};

static std::uint64_t tag(std::uint32_t index, std::uint32_t generation) {
    return (std::uint64_t{generation} << 32) | index;
}

Watch& Watch::operator=(Watch&& other) noexcept {
    if (this != &other) {
        reset();
        loop_ = std::exchange(other.loop_, nullptr);
        index_ = other.index_;
    }
    return *this;
}

void Watch::set_events(std::uint32_t events) {
    if (loop_ != nullptr) loop_->change(index_, events);
}

void Watch::reset() {
    if (loop_ != nullptr) std::exchange(loop_, nullptr)->remove(index_);
}

Timer& Timer::operator=(Timer&& other) noexcept {
    if (this != &other) {
        reset();
        loop_ = std::exchange(other.loop_, nullptr);
        key_ = other.key_;
    }
    return *this;
}

Timer::operator bool() const {
    return loop_ != nullptr && loop_->timers_.contains(key_);
}

void Timer::reset() {
    if (loop_ != nullptr) std::exchange(loop_, nullptr)->timers_.erase(key_);
}

EventLoop::EventLoop() : epoll_(epoll_create1(EPOLL_CLOEXEC)), now_(Clock::now()) {
    if (!epoll_) throw std::system_error(errno, std::generic_category(), "epoll_create1");
    ready_.resize(kEventsPerRound);
}

EventLoop::~EventLoop() = default;

Watch EventLoop::watch(int fd, std::uint32_t events, Handler handler) {
    return add(fd, events, std::move(handler));
}

Watch EventLoop::watch_first(int fd, std::uint32_t events, Handler handler) {
    Watch watch = add(fd, events, std::move(handler));
    first_ = watch.index_;
    return watch;
}

Watch EventLoop::add(int fd, std::uint32_t events, Handler handler) {
    const auto index = free_.empty() ? static_cast<std::uint32_t>(entries_.size()) : free_.back();
    if (free_.empty()) {
        entries_.emplace_back();
    } else {
        free_.pop_back();
    }
    Entry& entry = entries_[index];
    epoll_event event{};
    event.events = events;
    event.data.u64 = tag(index, entry.generation);
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) < 0) {
        const int code = errno;
        free_.push_back(index);
        throw std::system_error(code, std::generic_category(), "epoll_ctl");
    }
    entry.fd = fd;
    entry.wanted = events;
    entry.handler = std::move(handler);
    return {this, index};
}

void EventLoop::remove(std::uint32_t index) {
    Entry& entry = entries_[index];
    epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, entry.fd, nullptr);
    entry.fd = -1;
    ++entry.generation;
    graveyard_.push_back(std::move(entry.handler));
    entry.handler = nullptr;
    if (first_ == index) first_ = UINT32_MAX;
    free_.push_back(index);
}

void EventLoop::change(std::uint32_t index, std::uint32_t events) {
    Entry& entry = entries_[index];
    entry.wanted = events;
    epoll_event event{};
    event.events = events;
    event.data.u64 = tag(index, entry.generation);
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, entry.fd, &event) == 0) return;
    if (errno != ENOMEM && errno != ENOSPC)
        throw std::system_error(errno, std::generic_category(), "epoll_ctl");
    unchanged_.emplace_back(index, entry.generation);
}

void EventLoop::change_again() {
    for (const auto& [index, generation] : std::exchange(unchanged_, {}))
        if (entries_[index].generation == generation) change(index, entries_[index].wanted);
}

Timer EventLoop::after(Duration delay, Callback callback) {
    // From the true present, not from the round's beginning: a round may have taken long.
    const Timer::Key key{Clock::now() + delay, next_timer_++};
    timers_.emplace(key, std::move(callback));
    return {this, key};
}

static int wait_milliseconds(Duration wait) {
    using std::chrono::milliseconds;
    // Rounded up: to wake too early would spin until the timer is due.
    const auto ms = std::chrono::ceil<milliseconds>(std::max(wait, Duration::zero()));
    return static_cast<int>(std::min<milliseconds::rep>(ms.count(), 3'600'000));
}

void EventLoop::round(Duration longest) {
    if (!unchanged_.empty()) {
        change_again();
        if (!unchanged_.empty()) longest = std::min<Duration>(longest, kUnchangedWait);
    }
    int timeout = longest == Duration::max() ? -1 : wait_milliseconds(longest);
    if (!timers_.empty()) {
        const int due = wait_milliseconds(timers_.begin()->first.first - Clock::now());
        timeout = timeout < 0 ? due : std::min(timeout, due);
    }
    const int count =
        epoll_wait(epoll_.get(), ready_.data(), static_cast<int>(ready_.size()), timeout);
    if (count < 0 && errno != EINTR)
        throw std::system_error(errno, std::generic_category(), "epoll_wait");
    now_ = Clock::now();

    const auto ready = static_cast<std::size_t>(std::max(count, 0));
    for (std::size_t i = 1; i < ready; ++i) {
        if (static_cast<std::uint32_t>(ready_[i].data.u64) == first_)
            std::swap(ready_[0], ready_[i]);
    }
    for (std::size_t i = 0; i < ready; ++i)
        dispatch(ready_[i]);
    run_timers();
    if (end_of_round_) end_of_round_();
    graveyard_.clear();
}

void EventLoop::dispatch(const epoll_event& event) {
    const auto index = static_cast<std::uint32_t>(event.data.u64);
    const auto generation = static_cast<std::uint32_t>(event.data.u64 >> 32);
    Entry& entry = entries_[index];
    if (entry.generation != generation || !entry.handler) return;
    const std::uint32_t events = event.events & (entry.wanted | EPOLLERR | EPOLLHUP);
    if (events == 0) return;
    // Called in place: remove() moves the handler to the graveyard, so the object that runs would
    // be emptied under its own feet if it were called through the entry.
    Handler running = std::move(entry.handler);
    running(events);
    if (entry.generation == generation) {
        entry.handler = std::move(running);
    }
}

void EventLoop::run_timers() {
    // Only those due by now: a callback that sets a timer of zero delay must not keep the loop
    // here.
    while (!timers_.empty() && timers_.begin()->first.first <= now_) {
        auto node = timers_.extract(timers_.begin());
        node.mapped()();
    }
}

void EventLoop::run() {
    running_ = true;
    while (running_)
        round();
}

} // namespace inetd
