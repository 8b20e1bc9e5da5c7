#pragma once

#include "config/load.h"

#include <nlohmann/json.hpp>
#include <string_view>

namespace inetd {

// A value as inetd.cfg(5) has it, in JSON: lists are arrays, groups are objects, all else is as it
// is. Null for no text, and for text that is no such value.
[[nodiscard]] nlohmann::ordered_json json_of_setting(std::string_view literal);

// The effective configuration for programs, as inetd(8) describes it. The load must have been one
// with `trace`.
[[nodiscard]] nlohmann::ordered_json effective_json(const Loaded& loaded);

} // namespace inetd
