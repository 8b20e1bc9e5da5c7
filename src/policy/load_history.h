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

    // Those in which somebody came, the oldest first, by their number on the clock: for another
    // process with the same clock.
    struct Numbered {
        std::int64_t number = 0;
        Span span;
        friend bool operator==(const Numbered&, const Numbered&) = default;
    };
    using State = std::vector<Numbered>;

    LoadHistory() = default;
    explicit LoadHistory(const State& state);
    [[nodiscard]] State state() const;

    void accepted(TimePoint now) { ++at(number_of(now)).accepted; }
    void refused(TimePoint now, std::uint64_t times = 1) {
        at(number_of(now)).refused += static_cast<std::uint32_t>(times);
    }

    // The oldest first; the last one has not ended yet. Those of two services begin together.
    [[nodiscard]] std::vector<Span> spans(TimePoint now) const;

  private:
    [[nodiscard]] static std::int64_t number_of(TimePoint time) {
        return time.time_since_epoch() / kSpan;
    }
    Span& at(std::int64_t number);

    std::int64_t newest_ = -1; // the number of the span that was counted in last
    std::array<Span, kSpans> ring_{};
};

} // namespace inetd
