#pragma once

#include <chrono>

namespace inetd {

// Lets through what strangers can cause at will at most once in an interval, and counts the rest.
class Throttle {
  public:
    using TimePoint = std::chrono::steady_clock::time_point;

    // True when it may be said now; then suppressed() tells how many were not since the last time.
    bool pass(TimePoint now) {
        if (now < next_) {
            ++held_;
            return false;
        }
        next_ = now + kInterval;
        suppressed_ = held_;
        held_ = 0;
        return true;
    }
    [[nodiscard]] unsigned long suppressed() const { return suppressed_; }

  private:
    static constexpr std::chrono::seconds kInterval{10};
    TimePoint next_{};
    unsigned long held_ = 0;
    unsigned long suppressed_ = 0;
};

} // namespace inetd
