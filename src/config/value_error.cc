#include "config/value_error.h"

#include <fmt/core.h>

namespace inetd {

std::string shown(const Setting& setting) {
    struct Show {
        std::string operator()(bool value) const { return value ? "true" : "false"; }
        std::string operator()(std::int64_t value) const { return fmt::format("{}", value); }
        std::string operator()(double value) const { return fmt::format("{}", value); }
        std::string operator()(const std::string& value) const { return quoted(value); }
        std::string operator()(const Setting::List&) const { return "a list"; }
        std::string operator()(const Setting::Group&) const { return "a group"; }
    };
    return std::visit(Show{}, setting.value);
}

std::nullopt_t wrong_value(const Setting& setting, std::string_view expected, std::string hint) {
    setting.error(fmt::format("'{}' takes {}, not {}", setting.name, expected, shown(setting)),
                  std::move(hint));
    return std::nullopt;
}

void unknown_member(const Setting& setting, const Setting& given,
                    const std::vector<std::string_view>& known) {
    given.error(fmt::format("'{}' has no {}", setting.name, quoted(given.name)),
                suggestion(given.name, known));
}

bool is_cut(const Setting& setting) {
    if (!setting.cut) return false;
    setting.error(fmt::format("the number of '{}' is too large", setting.name));
    return true;
}

} // namespace inetd
