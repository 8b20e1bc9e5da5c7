#include "server/load_plot.h"

#include "server/html.h"

#include <algorithm>
#include <fmt/core.h>
#include <iterator>

namespace inetd {

static std::uint64_t both(const LoadHistory::Span& span) {
    return std::uint64_t{span.accepted} + span.refused;
}

LoadTotals totals_of(const std::vector<LoadHistory::Span>& spans) {
    LoadTotals totals;
    for (const LoadHistory::Span& span : spans) {
        totals.accepted += span.accepted;
        totals.refused += span.refused;
        totals.most = std::max(totals.most, both(span));
    }
    return totals;
}

std::string load_text(const std::vector<LoadHistory::Span>& spans) {
    const LoadTotals totals = totals_of(spans);
    constexpr auto kMinutes = LoadHistory::kSpan * LoadHistory::kSpans / std::chrono::minutes(1);
    return fmt::format("{} accepted, {} refused in {} minutes, at most {:.1f} a second",
                       html_number(totals.accepted), html_number(totals.refused), kMinutes,
                       static_cast<double>(totals.most) /
                           static_cast<double>(LoadHistory::kSpan.count()));
}

// From the left to the right: where each span is the area between its two heights. Heights are
// counted from the upper edge, and spans of equal height are one line.
template<typename Height>
static std::string outline(std::size_t count, const Height& height) {
    std::string path;
    for (std::size_t i = 0; i < count;) {
        const unsigned here = height(i);
        std::size_t end = i + 1;
        while (end < count && height(end) == here)
            ++end;
        fmt::format_to(std::back_inserter(path), "V{}h{}", here, 2 * (end - i));
        i = end;
    }
    return path;
}

std::string load_plot(const std::vector<LoadHistory::Span>& spans, unsigned height) {
    const LoadTotals totals = totals_of(spans);
    const auto from_top = [&](std::uint64_t count) {
        if (totals.most == 0) return height;
        // What there is at all is to be seen.
        const auto tall = (count * height + totals.most - 1) / totals.most;
        return height - static_cast<unsigned>(tall);
    };
    const std::size_t count = spans.size();
    const std::string upper =
        outline(count, [&](std::size_t i) { return from_top(both(spans[i])); });
    const std::string lower =
        outline(count, [&](std::size_t i) { return from_top(spans[i].accepted); });
    std::string svg =
        fmt::format(R"(<svg viewBox="0 0 {} {}" preserveAspectRatio="none" role="img">)"
                    "<title>{}</title>",
                    2 * count, height, load_text(spans));
    if (totals.refused != 0)
        svg += fmt::format(R"(<path class="refused" d="M0,{}{}V{}z"/>)", height, upper, height);
    if (totals.accepted != 0)
        svg += fmt::format(R"(<path class="accepted" d="M0,{}{}V{}z"/>)", height, lower, height);
    return svg + "</svg>";
}

} // namespace inetd
