#pragma once

#include "base/clock.h"
#include "base/fd.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include <sys/epoll.h>

namespace inetd {

class EventLoop;

// A registration of a descriptor: its destructor takes the descriptor out of epoll. Declare the Fd
// before its Watch, so that the Watch dies first; epoll(7) keeps what is closed while it is shared.
class Watch {
  public:
    Watch() = default;
    Watch(Watch&& other) noexcept
        : loop_(std::exchange(other.loop_, nullptr)),
          fd_(other.fd_),
          generation_(other.generation_) {}
    Watch& operator=(Watch&& other) noexcept;
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    ~Watch() { reset(); }

    explicit operator bool() const { return loop_ != nullptr; }
    // EPOLLIN, EPOLLOUT, ...; 0 pauses (EPOLLERR and EPOLLHUP are still reported, epoll_ctl(2)).
    // Where the kernel refuses (ENOMEM) the loop tries again, and the handler does not hear of what
    // it does not want.
    void set_events(std::uint32_t events);
    void reset();

  private:
    friend class EventLoop;
    Watch(EventLoop* loop, int fd, std::uint32_t generation)
        : loop_(loop), fd_(fd), generation_(generation) {}
    EventLoop* loop_ = nullptr;
    int fd_ = -1;
    std::uint32_t generation_ = 0;
};

// A one-shot timer: its destructor cancels it.
class Timer {
  public:
    using Key = std::pair<TimePoint, std::uint64_t>;

    Timer() = default;
    Timer(Timer&& other) noexcept
        : loop_(std::exchange(other.loop_, nullptr)), key_(std::move(other.key_)) {}
    Timer& operator=(Timer&& other) noexcept;
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    ~Timer() { reset(); }

    // False once it has fired.
    explicit operator bool() const;
    void reset();

  private:
    friend class EventLoop;
    Timer(EventLoop* loop, Key key) : loop_(loop), key_(std::move(key)) {}
    EventLoop* loop_ = nullptr;
    Key key_{};
};

// Level-triggered epoll. Knows descriptors and times, nothing of what they mean. A handler may
// destroy any Watch or Timer, its own among them, and register new ones. One thread.
class EventLoop {
  public:
    using Handler = std::function<void(std::uint32_t events)>;
    using Callback = std::function<void()>;

    EventLoop();
    EventLoop(const EventLoop&) = delete;
    EventLoop& operator=(const EventLoop&) = delete;
    ~EventLoop();

    // Does not own `fd`, which has one Watch at a time. Throws std::system_error where the kernel
    // refuses (ENOSPC, ENOMEM, EPERM, EEXIST).
    Watch watch(int fd, std::uint32_t events, Handler handler);
    // As watch, but handled before all others of its round.
    Watch watch_first(int fd, std::uint32_t events, Handler handler);
    Timer after(Duration delay, Callback callback);

    // The time at which the present round began.
    [[nodiscard]] TimePoint now() const { return now_; }

    // One round: waits (no longer than `longest`), runs the timers that are due, then the handlers
    // of what is ready.
    void round(Duration longest = Duration::max());
    // Rounds until stop().
    void run();
    void stop() { running_ = false; }
    // Called at the end of every round, before the loop sleeps again.
    void at_end_of_round(Callback callback) { end_of_round_ = std::move(callback); }

  private:
    friend class Watch;
    friend class Timer;
    struct Entry {
        std::uint32_t generation = 0;
        std::uint32_t wanted = 0;
        Handler handler; // empty: not watched, or running
    };

    Watch add(int fd, std::uint32_t events, Handler handler);
    Entry& entry(int fd) { return entries_[static_cast<std::size_t>(fd)]; }
    void end_watch(Entry& entry);
    void remove(int fd, std::uint32_t generation);
    void change(int fd, std::uint32_t generation, std::uint32_t events);
    void change_again();
    void dispatch(const epoll_event& event);
    void run_timers();

    Fd epoll_;
    // By descriptor, of which the kernel always takes the lowest that is free. A deque has no more
    // room than it needs, and growing moves nobody.
    std::deque<Entry> entries_;
    int first_ = -1;
    std::vector<epoll_event> ready_;
    std::vector<Handler> graveyard_; // handlers removed in this round; one of them may be running
    std::vector<std::pair<int, std::uint32_t>> unchanged_; // descriptor, generation
    std::map<Timer::Key, Callback> timers_;
    std::uint64_t next_timer_ = 0;
    Callback end_of_round_;
    TimePoint now_;
    bool running_ = false;
};

} // namespace inetd
