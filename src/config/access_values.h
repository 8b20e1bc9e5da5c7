#pragma once

#include "config/values.h"

#include <optional>
#include <string>

namespace inetd {

// The values of the keys about who may come in, of the kinds `visitors`, `day_times`, `load` and
// `wrappers`. Nothing, and reported, if the setting is none.
[[nodiscard]] std::optional<Value> read_access_value(ValueKind kind, const Setting& setting);

// As value_text, of the values that only these keys have; else empty.
[[nodiscard]] std::string access_value_text(const Value& value);

} // namespace inetd
