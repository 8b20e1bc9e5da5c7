#include "policy/load_history.h"

#include <algorithm>

namespace inetd {

static std::size_t place_of(std::int64_t number) {
    return static_cast<std::size_t>(number) % LoadHistory::kSpans;
}

LoadHistory::LoadHistory(const State& state) {
    for (const Numbered& one : state)
        if (one.number > newest_) at(one.number) = one.span;
}

LoadHistory::State LoadHistory::state() const {
    State state;
    constexpr auto kCount = static_cast<std::int64_t>(kSpans);
    for (auto one = std::max<std::int64_t>(newest_ - kCount + 1, 0); one <= newest_; ++one)
        if (!(ring_[place_of(one)] == Span{})) state.push_back({one, ring_[place_of(one)]});
    return state;
}

LoadHistory::Span& LoadHistory::at(std::int64_t number) {
    constexpr auto kCount = static_cast<std::int64_t>(kSpans);
    for (auto next = std::max(newest_ + 1, number - kCount + 1); next <= number; ++next)
        ring_[place_of(next)] = {};
    newest_ = std::max(newest_, number);
    return ring_[place_of(newest_)];
}

std::vector<LoadHistory::Span> LoadHistory::spans(TimePoint now) const {
    std::vector<Span> spans(kSpans);
    const std::int64_t number = number_of(now);
    constexpr auto kCount = static_cast<std::int64_t>(kSpans);
    const std::int64_t oldest = number - kCount + 1;
    // What lies before the ring's oldest has been overwritten, and after its newest nobody came.
    for (auto one = std::max({oldest, newest_ - kCount + 1, std::int64_t{0}});
         one <= std::min(number, newest_); ++one)
        spans[static_cast<std::size_t>(one - oldest)] = ring_[place_of(one)];
    return spans;
}

} // namespace inetd
