#pragma once

#include "config/values.h"

#include <optional>
#include <string>

namespace inetd {

// The values of the keys about who may come in, of the kinds `visitors`, `day_times`, `load` and
// `wrappers`. Nothing, and reported, if the setting is none.
[[nodiscard]] std::optional<Value> read_access_value(ValueKind kind, const Setting& setting);

[[nodiscard]] std::string clients_text(const AccessEntries& entries);
[[nodiscard]] std::string day_times_text(const std::vector<DayTime>& times);

} // namespace inetd
