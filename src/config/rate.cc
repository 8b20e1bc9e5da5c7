#include "config/rate.h"

#include "base/text.h"

#include <array>
#include <fmt/core.h>

namespace inetd {

// More a second than any kernel accepts.
static constexpr std::uint32_t kMost = 1'000'000'000;

struct UnitName {
    std::string_view name;
    std::uint32_t seconds;
};
// The first name of a length is the one that is written.
static constexpr std::array kUnits{
    UnitName{"s", 1},      UnitName{"min", 60},    UnitName{"h", 3600},   UnitName{"day", 86400},
    UnitName{"second", 1}, UnitName{"minute", 60}, UnitName{"hour", 3600}};

static void skip_blanks(std::string_view& text) {
    while (text.starts_with(' '))
        text.remove_prefix(1);
}

std::optional<Rate> parse_rate(std::string_view text) {
    const auto slash = text.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    const auto count = to_number<std::uint32_t>(text.substr(0, slash), 1, kMost);
    if (!count) return std::nullopt;
    text.remove_prefix(slash + 1);
    const std::string_view unit = text.substr(0, text.find(' '));
    text.remove_prefix(unit.size());
    Rate rate{.count = *count, .seconds = 0, .burst = *count};
    for (const UnitName& known : kUnits)
        if (unit == known.name) rate.seconds = known.seconds;
    if (rate.seconds == 0) return std::nullopt;
    if (text.empty()) return rate;

    static constexpr std::string_view kBurst = "burst ";
    skip_blanks(text);
    if (!text.starts_with(kBurst)) return std::nullopt;
    text.remove_prefix(kBurst.size());
    skip_blanks(text);
    const auto burst = to_number<std::uint32_t>(text, 1, kMost);
    if (!burst) return std::nullopt;
    rate.burst = *burst;
    return rate;
}

std::string rate_text(const Rate& rate) {
    if (!rate.is_limit()) return "0";
    std::string text = fmt::format("{}/{}s", rate.count, rate.seconds);
    for (const UnitName& unit : kUnits) {
        if (unit.seconds != rate.seconds) continue;
        text = fmt::format("{}/{}", rate.count, unit.name);
        break;
    }
    if (rate.burst != rate.count) text += fmt::format(" burst {}", rate.burst);
    return text;
}

} // namespace inetd
