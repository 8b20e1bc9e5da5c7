#pragma once

#include "config/values.h"

// The values of `groups` and `capabilities`.
namespace inetd {

[[nodiscard]] std::optional<Value> read_groups(const Setting& setting);

[[nodiscard]] std::optional<Value> read_capabilities(const Setting& setting);
[[nodiscard]] std::string capabilities_text(CapabilitySet set);

} // namespace inetd
