#pragma once

#include "config/values.h"

// The values of `env` and `pass_env`.
namespace inetd {

// A list of NAME=VALUE if it assigns, else of NAME.
[[nodiscard]] std::optional<Value> read_variables(const Setting& setting, bool assigns);

} // namespace inetd
