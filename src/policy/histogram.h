#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

namespace inetd {

// How often something took how long. The bounds belong to what is measured, and are the same for
// all histograms of it. Adding costs a walk over a few numbers.
class Histogram {
  public:
    using Duration = std::chrono::nanoseconds;
    static constexpr std::size_t kBounds = 15;
    using Bounds = std::array<Duration, kBounds>; // upper ones, ascending
    using Counts = std::array<std::uint64_t, kBounds + 1>;

    void add(const Bounds& bounds, Duration value) {
        std::size_t i = 0;
        while (i < kBounds && value > bounds[i])
            ++i;
        ++counts_[i];
        sum_ += value;
    }
    // Of each bucket alone; the last is of what is above all bounds.
    [[nodiscard]] const Counts& counts() const { return counts_; }
    [[nodiscard]] Duration sum() const { return sum_; }

    Histogram() = default;
    Histogram(const Counts& counts, Duration sum) : counts_(counts), sum_(sum) {}
    friend bool operator==(const Histogram&, const Histogram&) = default;

  private:
    Counts counts_{};
    Duration sum_{};
};

} // namespace inetd
