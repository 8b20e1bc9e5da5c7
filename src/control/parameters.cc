#include "control/parameters.h"

namespace inetd::control {

const Json* Parameters::find(const char* name) {
    asked_.insert(name);
    const auto found = all_.find(name);
    return found == all_.end() || found->is_null() ? nullptr : &*found;
}

std::optional<std::string> Parameters::text(const char* name) {
    const Json* item = find(name);
    if (item == nullptr) return std::nullopt;
    if (!item->is_string()) throw InvalidParameter{name};
    return item->get<std::string>();
}

std::string Parameters::required_text(const char* name) {
    auto value = text(name);
    if (!value) throw InvalidParameter{name};
    return *std::move(value);
}

std::optional<bool> Parameters::flag(const char* name) {
    const Json* item = find(name);
    if (item == nullptr) return std::nullopt;
    if (!item->is_boolean()) throw InvalidParameter{name};
    return item->get<bool>();
}

std::optional<std::int64_t> Parameters::number(const char* name, std::int64_t least,
                                               std::int64_t most) {
    const Json* item = find(name);
    if (item == nullptr) return std::nullopt;
    if (!item->is_number_integer()) throw InvalidParameter{name};
    // One beyond the signed range is kept as unsigned, and becomes negative here.
    const auto value = item->get<std::int64_t>();
    if (value < least || value > most || (item->is_number_unsigned() && value < 0))
        throw InvalidParameter{name};
    return value;
}

std::optional<std::vector<std::string>> Parameters::texts(const char* name) {
    const Json* item = find(name);
    if (item == nullptr) return std::nullopt;
    if (!item->is_array()) throw InvalidParameter{name};
    std::vector<std::string> all;
    for (const Json& one : *item) {
        if (!one.is_string()) throw InvalidParameter{name};
        all.push_back(one.get<std::string>());
    }
    return all;
}

void Parameters::done() const {
    for (const auto& [name, value] : all_.items())
        if (!asked_.contains(name)) throw InvalidParameter{name};
}

} // namespace inetd::control
