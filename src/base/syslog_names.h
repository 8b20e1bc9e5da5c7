#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace inetd {

// The words of syslog.conf(5): "daemon", "local0", ... give LOG_DAEMON, LOG_LOCAL0, ...
[[nodiscard]] std::optional<int> facility_by_name(std::string_view name);
[[nodiscard]] std::vector<std::string_view> facility_names();

// "error", "warning", "notice", "info" and "debug" give LOG_ERR, ... LOG_DEBUG.
[[nodiscard]] std::optional<int> level_by_name(std::string_view name);
[[nodiscard]] std::vector<std::string_view> level_names();

} // namespace inetd
