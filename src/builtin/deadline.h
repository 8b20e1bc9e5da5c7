#pragma once

#include "config/model.h"
#include "event/loop.h"

#include <functional>

namespace inetd {

// How long a connection may be kept. Zero: no limit.
struct Patience {
    Duration idle{};  // without progress
    Duration whole{}; // altogether
};

// What a service's idle_timeout and session_timeout allow a connection that has lasted for so long.
[[nodiscard]] Patience patience_of(const ServiceConfig& service, Duration lasted = {});
// Of each the shorter one.
[[nodiscard]] Patience shorter(const Patience& one, const Patience& other);

// Watches over one connection of a built-in that bounds its sessions itself, each differently. It
// has a timer of its own; where thousands rest with one limit, an IdleList costs less.
class Deadline {
  public:
    Deadline() = default;
    Deadline(const Deadline&) = delete;
    Deadline& operator=(const Deadline&) = delete;
    ~Deadline() = default;

    // From now on. `passed` is called once, by the loop, and may destroy this object.
    void start(EventLoop& loop, const Patience& patience, std::function<void()> passed);
    // There was progress.
    void touch();
    [[nodiscard]] TimePoint started() const { return started_; }
    [[nodiscard]] TimePoint touched() const { return touched_; }

  private:
    void wait();

    EventLoop* loop_ = nullptr; // null: not started
    Patience patience_;
    std::function<void()> passed_;
    TimePoint started_;
    TimePoint touched_;
    Timer timer_;
};

} // namespace inetd
