#include "config/amount.h"

#include "base/text.h"

#include <array>
#include <fmt/core.h>
#include <limits>

namespace inetd {

struct AmountUnit {
    char name;
    int shift;
};
static constexpr std::array kUnits{AmountUnit{'t', 40}, AmountUnit{'g', 30}, AmountUnit{'m', 20},
                                   AmountUnit{'k', 10}};

std::optional<std::uint64_t> parse_amount(std::string_view text, bool bytes) {
    if (text == "unlimited") return kUnlimited;
    int shift = 0;
    for (const AmountUnit& unit : kUnits) {
        if (!bytes || text.empty() || (text.back() | 0x20) != unit.name) continue;
        shift = unit.shift;
        text.remove_suffix(1);
        break;
    }
    constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
    const auto number = to_number<std::uint64_t>(text, 0, kMost >> shift);
    if (!number) return std::nullopt;
    return *number << shift;
}

std::string amount_text(std::uint64_t amount, bool bytes) {
    if (amount == kUnlimited) return "unlimited";
    for (const AmountUnit& unit : kUnits) {
        const std::uint64_t rest = amount & ((std::uint64_t{1} << unit.shift) - 1);
        if (bytes && amount != 0 && rest == 0)
            return fmt::format("{}{}", amount >> unit.shift, unit.name);
    }
    return fmt::format("{}", amount);
}

} // namespace inetd
