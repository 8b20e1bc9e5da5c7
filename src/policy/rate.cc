#include "policy/rate.h"

#include <algorithm>

namespace inetd {

using namespace std::chrono_literals;
using Seconds = std::chrono::duration<double>;

static double per_second(const Rate& rate) {
    return double{1} * rate.count / rate.seconds;
}

void TokenBucket::refill(const Rate& rate, Clock::time_point now) {
    const double back = std::max(Seconds(now - filled_).count(), 0.0) * per_second(rate);
    used_ = std::max(used_ - back, 0.0);
    filled_ = now;
}

bool TokenBucket::take(const Rate& rate, Clock::time_point now) {
    refill(rate, now);
    if (used_ + 1 > rate.burst) return false;
    used_ += 1;
    return true;
}

TokenBucket::Clock::duration TokenBucket::wait(const Rate& rate, Clock::time_point now) {
    refill(rate, now);
    const double missing = used_ + 1 - rate.burst;
    if (missing <= 0) return Clock::duration::zero();
    // A little more than needed, so that rounding does not make the caller wake a moment too early.
    return std::chrono::ceil<Clock::duration>(Seconds(missing / per_second(rate))) + 1us;
}

bool TokenBucket::full(const Rate& rate, Clock::time_point now) {
    refill(rate, now);
    return used_ <= 0;
}

} // namespace inetd
