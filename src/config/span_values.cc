#include "config/span_values.h"

#include "base/text.h"
#include "config/value_error.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/core.h>
#include <string_view>

namespace inetd {

using std::chrono::milliseconds;

struct SpanUnit {
    std::string_view name;
    std::int64_t milliseconds;
};
// From the longest to the shortest, for span_text.
static constexpr std::array kSpanUnits{SpanUnit{"day", 86400000}, SpanUnit{"h", 3600000},
                                       SpanUnit{"min", 60000}, SpanUnit{"s", 1000},
                                       SpanUnit{"ms", 1}};

static std::optional<std::int64_t> in_milliseconds(std::string_view text, std::int64_t most) {
    const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
    for (const SpanUnit& unit : kSpanUnits) {
        if (text.substr(digits) != unit.name) continue;
        const auto count =
            to_number<std::int64_t>(text.substr(0, digits), 0, most / unit.milliseconds);
        if (count) return *count * unit.milliseconds;
    }
    return std::nullopt;
}

std::optional<Value> read_span(const ValueType& type, const Setting& setting) {
    std::optional<std::int64_t> span;
    if (const auto* number = std::get_if<std::int64_t>(&setting.value)) {
        if (*number >= 0 && *number <= type.most) span = *number * 1000;
    } else if (const auto* real = std::get_if<double>(&setting.value)) {
        if (*real >= 0 && *real <= static_cast<double>(type.most))
            span = std::llround(*real * 1000);
    } else if (const auto* text = std::get_if<std::string>(&setting.value)) {
        span = in_milliseconds(*text, type.most * 1000);
    }
    if (!span)
        return wrong_value(
            setting,
            fmt::format(R"(a time from 0 to {} s, as in 90, 0.5, "90s" or "5min")", type.most));
    return milliseconds(*span);
}

std::string span_text(milliseconds span) {
    if (span.count() == 0) return "0";
    for (const SpanUnit& unit : kSpanUnits)
        if (span.count() % unit.milliseconds == 0)
            return fmt::format("\"{}{}\"", span.count() / unit.milliseconds, unit.name);
    return {};
}

} // namespace inetd
