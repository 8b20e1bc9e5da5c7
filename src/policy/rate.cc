#include "policy/rate.h"

#include <algorithm>

namespace inetd {

using namespace std::chrono_literals;
using Seconds = std::chrono::duration<double>;

static double per_second(const Rate& rate) {
    return double{1} * rate.count / rate.seconds;
}

double TokenBucket::used(const Rate& rate, Clock::time_point now) const {
    const double back = std::max(Seconds(now - state_.filled).count(), 0.0) * per_second(rate);
    // A bucket that has become smaller lacks no more than it holds.
    return std::max(std::min(state_.used, double{1} * rate.burst) - back, 0.0);
}

void TokenBucket::refill(const Rate& rate, Clock::time_point now) {
    state_.used = used(rate, now);
    state_.filled = now;
}

void TokenBucket::absorb(const TokenBucket& other, const Rate& rate, Clock::time_point now) {
    refill(rate, now);
    state_.used = std::min(state_.used + other.used(rate, now), double{1} * rate.burst);
}

bool TokenBucket::take(const Rate& rate, Clock::time_point now) {
    refill(rate, now);
    if (state_.used + 1 > rate.burst) return false;
    state_.used += 1;
    return true;
}

TokenBucket::Clock::duration TokenBucket::wait(const Rate& rate, Clock::time_point now) const {
    const double missing = used(rate, now) + 1 - rate.burst;
    if (missing <= 0) return Clock::duration::zero();
    // A little more than needed, so that rounding does not make the caller wake a moment too early.
    return std::chrono::ceil<Clock::duration>(Seconds(missing / per_second(rate))) + 1us;
}

} // namespace inetd
