#include "config/variable_values.h"

#include "base/variables.h"
#include "config/value_error.h"

#include <algorithm>
#include <fmt/core.h>

namespace inetd {

// Null, or why the list may not have this variable.
static const char* forbidden(bool assigns, std::string_view name) {
    if (!is_variable_name(name)) return "is not the name of a variable";
    if (is_peer_variable(name)) return "is set for each client";
    if (assigns) return nullptr;
    if (is_account_variable(name)) return "is set for the user of the service; 'env' can change it";
    if (is_supervisor_variable(name)) return "is meant for inetd alone";
    return nullptr;
}

std::optional<Value> read_variables(const Setting& setting, bool assigns) {
    const std::string_view expected = assigns ? R"(a list of strings, as in ["NAME=VALUE"])"
                                              : R"(a list of strings, as in ["NAME"])";
    const Setting::List* list = setting.list();
    if (list == nullptr) return wrong_value(setting, expected);
    std::vector<std::string> all;
    std::vector<std::string_view> names;
    bool good = true;
    const auto fail = [&](std::string text) {
        setting.error(std::move(text));
        good = false;
    };
    for (const Setting& item : list->items) {
        const auto* text = std::get_if<std::string>(&item.value);
        const auto equals = text != nullptr ? text->find('=') : std::string::npos;
        if (text == nullptr || (equals != std::string::npos) != assigns) {
            fail(fmt::format("'{}' takes {}; {} is none of these", setting.name, expected,
                             shown(item)));
            continue;
        }
        const std::string_view name = std::string_view(*text).substr(0, equals);
        const char* problem = forbidden(assigns, name);
        if (std::find(names.begin(), names.end(), name) != names.end()) problem = "is there twice";
        if (problem != nullptr)
            fail(fmt::format("'{}': {} {}", setting.name, quoted(name), problem));
        names.push_back(name);
        all.push_back(*text);
    }
    return good ? std::optional<Value>(std::move(all)) : std::nullopt;
}

} // namespace inetd
