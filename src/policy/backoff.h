#pragma once

#include <algorithm>
#include <chrono>

namespace inetd {

// Delays that double from `first` to `longest`, until something goes well again.
class Backoff {
  public:
    using Duration = std::chrono::steady_clock::duration;

    constexpr Backoff(Duration first, Duration longest) : first_(first), longest_(longest) {}

    Duration next() {
        current_ = active() ? std::min(current_ * 2, longest_) : first_;
        return current_;
    }
    void reset() { current_ = Duration::zero(); }
    [[nodiscard]] bool active() const { return current_ != Duration::zero(); }

  private:
    Duration first_;
    Duration longest_;
    Duration current_ = Duration::zero();
};

} // namespace inetd
