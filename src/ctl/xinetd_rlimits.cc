#include "ctl/xinetd_rlimits.h"

#include "base/text.h"

#include <array>
#include <cstdint>
#include <fmt/core.h>
#include <optional>

namespace inetd::ctl {

// K and M are units there, in either case, as they are here.
static std::optional<std::string> limit(std::string word) {
    if (word == "UNLIMITED") return "\"unlimited\"";
    std::string unit;
    if (word.ends_with('K') || word.ends_with('k')) unit = "k";
    if (word.ends_with('M') || word.ends_with('m')) unit = "m";
    if (!unit.empty()) word.pop_back();
    const auto value = to_number<std::uint64_t>(word, 0, UINT64_MAX / 2048);
    if (!value) return std::nullopt;
    // A number without quotes has 31 bits in libconfig.
    if (unit.empty() && *value <= INT32_MAX) return std::to_string(*value);
    return fmt::format("\"{}{}\"", *value, unit);
}

std::string xinetd_rlimits(const XinetdValues& values, std::vector<std::string>& bad) {
    static constexpr std::array<std::array<const char*, 2>, 6> kLimits{{{"rlimit_as", "as"},
                                                                        {"rlimit_cpu", "cpu"},
                                                                        {"rlimit_data", "data"},
                                                                        {"rlimit_files", "nofile"},
                                                                        {"rlimit_rss", "rss"},
                                                                        {"rlimit_stack", "stack"}}};
    std::string out;
    for (const auto& [attribute, name] : kLimits) {
        const std::string& word = values.word(attribute);
        if (word.empty()) continue;
        if (const auto value = limit(word))
            out += fmt::format(" {} = {};", name, *value);
        else
            bad.emplace_back(attribute);
    }
    return out.empty() ? out : fmt::format("{{{} }}", out);
}

} // namespace inetd::ctl
