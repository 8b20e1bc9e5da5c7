#pragma once

#include <string_view>
#include <sys/types.h>
#include <vector>

namespace inetd {

// The group below the one that we were started in to which GroupTree moves us.
inline constexpr std::string_view kMainGroup = "inetd.main";

// Whether systemd has started this process as that of a service, whose control group is then the
// service's alone: systemd.exec(5), SYSTEMD_EXEC_PID.
[[nodiscard]] bool owns_control_group();

// The processes in the control group that we were started in and those below it, ourselves among
// them. Empty where there is no telling.
[[nodiscard]] std::vector<pid_t> control_group_members();

} // namespace inetd
