#pragma once

#include "policy/load_history.h"

#include <cstdint>
#include <string>
#include <vector>

namespace inetd {

struct LoadTotals {
    std::uint64_t accepted = 0;
    std::uint64_t refused = 0;
    std::uint64_t most = 0; // of both, in one span
};
[[nodiscard]] LoadTotals totals_of(const std::vector<LoadHistory::Span>& spans);

// "37 accepted, 2 refused in 10 minutes, at most 1.2 a second"
[[nodiscard]] std::string load_text(const std::vector<LoadHistory::Span>& spans);

// An inline SVG of that height, two wide for each span: the accepted below, the refused on top, as
// areas of the classes "accepted" and "refused". It fills its element, the busiest span its height.
[[nodiscard]] std::string load_plot(const std::vector<LoadHistory::Span>& spans, unsigned height);

} // namespace inetd
