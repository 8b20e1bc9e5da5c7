#pragma once

#include "config/values.h"

// The value of `cgroup`.
namespace inetd {

[[nodiscard]] std::optional<Value> read_group_settings(const Setting& setting);
[[nodiscard]] std::string group_settings_text(const std::vector<GroupSetting>& settings);

} // namespace inetd
