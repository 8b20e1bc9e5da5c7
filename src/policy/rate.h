#pragma once

#include "config/model.h"

#include <chrono>

namespace inetd {

// A token bucket: holds rate.burst tokens, which come back evenly, rate.count of them in each
// period. So a full bucket lets a burst of starts through at once and then one every period/count.
// Pure: the rate and the time are arguments. Every rate must be a limit.
class TokenBucket {
  public:
    using Clock = std::chrono::steady_clock;

    struct State {
        Clock::time_point filled{}; // the epoch: never used, that is full
        double used = 0;            // tokens missing from a full bucket
        friend bool operator==(const State&, const State&) = default;
    };
    TokenBucket() = default;
    explicit TokenBucket(const State& state) : state_(state) {}
    [[nodiscard]] const State& state() const { return state_; }

    // Takes a token if there is one.
    bool take(const Rate& rate, Clock::time_point now);
    // Zero if a token is there; else how long until one is.
    [[nodiscard]] Clock::duration wait(const Rate& rate, Clock::time_point now) const;
    // Tokens that are missing.
    [[nodiscard]] double used(const Rate& rate, Clock::time_point now) const;
    // Full again: forgetting it changes nothing.
    [[nodiscard]] bool full(const Rate& rate, Clock::time_point now) const {
        return used(rate, now) <= 0;
    }
    // Lacks what both lacked, or all.
    void absorb(const TokenBucket& other, const Rate& rate, Clock::time_point now);

  private:
    void refill(const Rate& rate, Clock::time_point now);

    State state_;
};

} // namespace inetd
