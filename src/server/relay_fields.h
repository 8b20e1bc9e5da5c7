#pragma once

#include "builtin/relay.h"
#include "server/json_fields.h"

#include <cstddef>
#include <vector>

// A relay as it stands in a hand-over.
namespace inetd::json_fields {

[[nodiscard]] json relay(std::size_t service, const RelayState& state);
// Throws as the others do; `service` is left to the caller.
[[nodiscard]] RelayState relay_of(const json& item);
// Adds the descriptors that it names.
void add_descriptors(const RelayState& state, std::vector<int>& all);

} // namespace inetd::json_fields
