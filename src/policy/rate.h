#pragma once

#include <chrono>
#include <cstdint>

namespace inetd {

// A token bucket: holds `size` tokens, and `size` of them come back evenly over a minute. So a full
// bucket lets `size` starts through at once and then one every minute/size. Pure: the time is an
// argument.
class TokenBucket {
  public:
    using Clock = std::chrono::steady_clock;

    // Takes a token if there is one.
    bool take(std::uint32_t size, Clock::time_point now);
    // Zero if a token is there; else how long until one is.
    [[nodiscard]] Clock::duration wait(std::uint32_t size, Clock::time_point now);
    // Full again: forgetting it changes nothing.
    [[nodiscard]] bool full(std::uint32_t size, Clock::time_point now);

  private:
    void refill(std::uint32_t size, Clock::time_point now);

    Clock::time_point filled_{}; // the epoch: never used, that is full
    double used_ = 0;            // tokens missing from a full bucket
};

} // namespace inetd
