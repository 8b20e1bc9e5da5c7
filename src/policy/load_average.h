#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace inetd {

// The one-minute load average of the machine, read at most once a second and only when asked.
class LoadAverage {
  public:
    using TimePoint = std::chrono::steady_clock::time_point;

    explicit LoadAverage(std::string file = "/proc/loadavg") : file_(std::move(file)) {}

    // Whether it is at least `most`. Not if it cannot be told: a machine without /proc is no
    // reason to serve nobody.
    [[nodiscard]] bool reaches(double most, TimePoint now);
    // Whether it could be told when it was last read.
    [[nodiscard]] bool known() const { return value_.has_value(); }

    // The first number of /proc/loadavg, proc(5).
    [[nodiscard]] static std::optional<double> parse(std::string_view text);

  private:
    [[nodiscard]] std::optional<double> read() const;

    std::string file_;
    std::optional<double> value_;
    std::optional<TimePoint> read_at_;
};

} // namespace inetd
