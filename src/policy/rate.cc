#include "policy/rate.h"

#include <algorithm>

namespace inetd {

using namespace std::chrono_literals;
using Seconds = std::chrono::duration<double>;

void TokenBucket::refill(std::uint32_t size, Clock::time_point now) {
    const double per_second = size / 60.0;
    const double back = std::max(Seconds(now - filled_).count(), 0.0) * per_second;
    used_ = std::max(used_ - back, 0.0);
    filled_ = now;
}

bool TokenBucket::take(std::uint32_t size, Clock::time_point now) {
    refill(size, now);
    if (used_ + 1 > size) return false;
    used_ += 1;
    return true;
}

TokenBucket::Clock::duration TokenBucket::wait(std::uint32_t size, Clock::time_point now) {
    refill(size, now);
    const double missing = used_ + 1 - size;
    if (missing <= 0) return Clock::duration::zero();
    // A little more than needed, so that rounding does not make the caller wake a moment too early.
    return std::chrono::ceil<Clock::duration>(Seconds(missing * 60.0 / size)) + 1us;
}

bool TokenBucket::full(std::uint32_t size, Clock::time_point now) {
    refill(size, now);
    return used_ <= 0;
}

} // namespace inetd
