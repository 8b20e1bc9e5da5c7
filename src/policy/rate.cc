#include "policy/rate.h"

#include <algorithm>

namespace inetd {

using namespace std::chrono_literals;
using Seconds = std::chrono::duration<double>;

static double per_second(const Rate& rate) {
    return double{1} * rate.count / rate.seconds;
}

void TokenBucket::refill(const Rate& rate, Clock::time_point now) {
    const double back = std::max(Seconds(now - state_.filled).count(), 0.0) * per_second(rate);
    state_.used = std::max(state_.used - back, 0.0);
    state_.filled = now;
}

bool TokenBucket::take(const Rate& rate, Clock::time_point now) {
    refill(rate, now);
    if (state_.used + 1 > rate.burst) return false;
    state_.used += 1;
    return true;
}

TokenBucket::Clock::duration TokenBucket::wait(const Rate& rate, Clock::time_point now) {
    refill(rate, now);
    const double missing = state_.used + 1 - rate.burst;
    if (missing <= 0) return Clock::duration::zero();
    // A little more than needed, so that rounding does not make the caller wake a moment too early.
    return std::chrono::ceil<Clock::duration>(Seconds(missing / per_second(rate))) + 1us;
}

bool TokenBucket::full(const Rate& rate, Clock::time_point now) {
    refill(rate, now);
    return state_.used <= 0;
}

} // namespace inetd
