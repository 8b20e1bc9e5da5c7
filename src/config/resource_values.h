#pragma once

#include "config/values.h"

#include <string_view>

// The values of `rlimits` and `ionice`.
namespace inetd {

[[nodiscard]] std::optional<Value> read_rlimits(const Setting& setting);
[[nodiscard]] std::string rlimits_text(const std::vector<ResourceLimit>& limits);
// "nofile" of RLIMIT_NOFILE.
[[nodiscard]] std::string_view rlimit_name(int resource);

[[nodiscard]] std::optional<Value> read_io_priority(const Setting& setting);
[[nodiscard]] std::string io_priority_text(int priority);

} // namespace inetd
