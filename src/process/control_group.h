#pragma once

#include <sys/types.h>
#include <vector>

namespace inetd {

// Whether systemd has started this process as that of a service, whose control group is then the
// service's alone: systemd.exec(5), SYSTEMD_EXEC_PID.
[[nodiscard]] bool owns_control_group();

// The processes in our control group and those below it, ourselves among them. Empty where there is
// no telling.
[[nodiscard]] std::vector<pid_t> control_group_members();

} // namespace inetd
