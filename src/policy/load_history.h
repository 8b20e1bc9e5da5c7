#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <vector>

namespace inetd {

// How many clients came to a service in the last minutes, counted by spans of time. Nothing ticks:
// it moves on when somebody comes or looks. Pure: the time is an argument, and never goes back.
class LoadHistory {
  public:
    using TimePoint = std::chrono::steady_clock::time_point;

    static constexpr std::size_t kSpans = 60;
    static constexpr std::chrono::seconds kSpan{10};

    struct Span {
        std::uint32_t accepted = 0;
        std::uint32_t refused = 0;
        friend bool operator==(const Span&, const Span&) = default;
    };

    void accepted(TimePoint now) { ++at(now).accepted; }
    void refused(TimePoint now, std::uint64_t times = 1) {
        at(now).refused += static_cast<std::uint32_t>(times);
    }

    // The oldest first; the last one has not ended yet. Those of two services begin together.
    [[nodiscard]] std::vector<Span> spans(TimePoint now) const;

  private:
    [[nodiscard]] static std::int64_t number_of(TimePoint time) {
        return time.time_since_epoch() / kSpan;
    }
    Span& at(TimePoint now);

    std::int64_t newest_ = -1; // the number of the span that was counted in last
    std::array<Span, kSpans> ring_{};
};

} // namespace inetd
