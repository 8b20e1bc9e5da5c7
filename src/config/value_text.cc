#include "base/text.h"
#include "config/access_values.h"
#include "config/banner_values.h"
#include "config/group_values.h"
#include "config/log_values.h"
#include "config/network_values.h"
#include "config/path_values.h"
#include "config/rate.h"
#include "config/resource_values.h"
#include "config/right_values.h"
#include "config/span_values.h"
#include "config/values.h"

#include <fmt/format.h>

namespace inetd {

using std::chrono::milliseconds;

static std::string structured_text(const Value& value) {
    if (const auto* limits = std::get_if<std::vector<ResourceLimit>>(&value))
        return rlimits_text(*limits);
    if (const auto* groups = std::get_if<std::vector<gid_t>>(&value))
        return fmt::format("[{}]", fmt::join(*groups, ", "));
    if (const auto* set = std::get_if<CapabilitySet>(&value)) return capabilities_text(*set);
    if (const auto* rights = std::get_if<PathRights>(&value)) return path_rights_text(*rights);
    if (const auto* settings = std::get_if<std::vector<GroupSetting>>(&value))
        return group_settings_text(*settings);
    if (const auto* banner = std::get_if<std::shared_ptr<const Banner>>(&value))
        return banner_text(*banner);
    if (const auto* words = std::get_if<LogWords>(&value)) return log_words_text(*words);
    return access_value_text(value);
}

// Of a key that has no value.
static std::string unset_text(ValueKind kind) {
    return kind == ValueKind::capabilities ? R"("inherit")" : "";
}

std::string value_text(ValueKind kind, const Value& value) {
    if (std::holds_alternative<std::monostate>(value)) return unset_text(kind);
    if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
    if (const auto* span = std::get_if<milliseconds>(&value)) return span_text(*span);
    if (const auto* rate = std::get_if<Rate>(&value))
        return rate->is_limit() ? fmt::format("\"{}\"", rate_text(*rate)) : "0";
    if (const auto* overflow = std::get_if<Overflow>(&value))
        return *overflow == Overflow::refuse ? R"("refuse")" : R"("queue")";
    if (const auto* text = std::get_if<std::string>(&value))
        return text->empty() ? std::string() : string_literal(*text);
    if (const auto* list = std::get_if<std::vector<std::string>>(&value)) {
        std::vector<std::string> items;
        for (const std::string& item : *list)
            items.push_back(string_literal(item));
        return fmt::format("[{}]", fmt::join(items, ", "));
    }
    if (const auto* networks = std::get_if<std::vector<Cidr>>(&value))
        return networks_text(*networks);
    if (!std::holds_alternative<std::int64_t>(value)) return structured_text(value);
    const std::int64_t number = std::get<std::int64_t>(value);
    if (kind == ValueKind::mode) return fmt::format("\"{:04o}\"", number);
    if (kind == ValueKind::io_priority) return io_priority_text(static_cast<int>(number));
    const bool is_id = kind == ValueKind::user || kind == ValueKind::group;
    // chown(2): -1 leaves it as it is.
    if (is_id && number == std::int64_t{static_cast<uid_t>(-1)}) return {};
    return fmt::format("{}", number);
}

} // namespace inetd
