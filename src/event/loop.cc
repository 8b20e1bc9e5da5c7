#include "event/loop.h"

#include <algorithm>
#include <cerrno>
#include <system_error>

// epoll reports what it was given in epoll_event.data, and it may report a descriptor that a
// handler of the same round has just closed, or whose number another descriptor has taken over
// since. So data holds the number and the generation of its entry, which goes up whenever a watch
// of that number begins or ends: an event of an older generation is stale and dropped.

namespace inetd {

static constexpr std::size_t kEventsPerRound = 256;
static constexpr std::chrono::milliseconds kUnchangedWait{50};

static std::uint64_t tag(int fd, std::uint32_t generation) {
    return (std::uint64_t{generation} << 32) | static_cast<std::uint32_t>(fd);
}

static int descriptor_of(const epoll_event& event) {
    return static_cast<int>(event.data.u64 & UINT32_MAX);
}

Watch& Watch::operator=(Watch&& other) noexcept {
    if (this != &other) {
        reset();
        loop_ = std::exchange(other.loop_, nullptr);
        fd_ = other.fd_;
        generation_ = other.generation_;
    }
    return *this;
}

void Watch::set_events(std::uint32_t events) {
    if (loop_ != nullptr) loop_->change(fd_, generation_, events);
}

void Watch::reset() {
    if (loop_ != nullptr) std::exchange(loop_, nullptr)->remove(fd_, generation_);
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
    first_ = fd;
    return watch;
}

Watch EventLoop::add(int fd, std::uint32_t events, Handler handler) {
    if (fd < 0) throw std::system_error(EBADF, std::generic_category(), "epoll_ctl");
    const auto index = static_cast<std::size_t>(fd);
    if (index >= entries_.size()) entries_.resize(index + 1);
    Entry& added = entries_[index];
    epoll_event event{};
    event.events = events;
    event.data.u64 = tag(fd, added.generation + 1);
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) < 0)
        throw std::system_error(errno, std::generic_category(), "epoll_ctl");
    // A watch that had this number until now, whose descriptor was closed before it.
    end_watch(added);
    added.wanted = events;
    added.handler = std::move(handler);
    return {this, fd, added.generation};
}

void EventLoop::end_watch(Entry& entry) {
    ++entry.generation;
    if (entry.handler) graveyard_.push_back(std::exchange(entry.handler, nullptr));
}

void EventLoop::remove(int fd, std::uint32_t generation) {
    Entry& removed = entry(fd);
    if (removed.generation != generation) return;
    epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
    end_watch(removed);
    if (first_ == fd) first_ = -1;
}

void EventLoop::change(int fd, std::uint32_t generation, std::uint32_t events) {
    Entry& changed = entry(fd);
    if (changed.generation != generation) return;
    changed.wanted = events;
    epoll_event event{};
    event.events = events;
    event.data.u64 = tag(fd, changed.generation);
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) == 0) return;
    if (errno != ENOMEM && errno != ENOSPC)
        throw std::system_error(errno, std::generic_category(), "epoll_ctl");
    unchanged_.emplace_back(fd, changed.generation);
}

void EventLoop::change_again() {
    for (const auto& [fd, generation] : std::exchange(unchanged_, {}))
        change(fd, generation, entry(fd).wanted);
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
        if (descriptor_of(ready_[i]) == first_) std::swap(ready_[0], ready_[i]);
    }
    for (std::size_t i = 0; i < ready; ++i)
        dispatch(ready_[i]);
    run_timers();
    if (end_of_round_) end_of_round_();
    graveyard_.clear();
}

void EventLoop::dispatch(const epoll_event& event) {
    const int fd = descriptor_of(event);
    const auto generation = static_cast<std::uint32_t>(event.data.u64 >> 32);
    Entry& ready = entry(fd);
    if (ready.generation != generation || !ready.handler) return;
    const std::uint32_t events = event.events & (ready.wanted | EPOLLERR | EPOLLHUP);
    if (events == 0) return;
    // Not called in its entry, which is emptied when the watch is removed by what runs.
    Handler running = std::move(ready.handler);
    running(events);
    if (ready.generation == generation) ready.handler = std::move(running);
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
