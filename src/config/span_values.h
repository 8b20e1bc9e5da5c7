#pragma once

#include "config/values.h"

#include <chrono>
#include <optional>
#include <string>

namespace inetd {

// A time from 0 to type.most seconds: a number of seconds, or digits and a unit.
[[nodiscard]] std::optional<Value> read_span(const ValueType& type, const Setting& setting);

// "90s" in quotes, or 0.
[[nodiscard]] std::string span_text(std::chrono::milliseconds span);

} // namespace inetd
