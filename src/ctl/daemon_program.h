#pragma once

#include "base/result.h"

#include <string>
#include <vector>

namespace inetd::ctl {

// The daemon's binary of this installation: beside inetctl, or in the sbin next to its bin.
[[nodiscard]] std::string daemon_program();

struct DaemonAnswer {
    std::string output; // its standard output; standard error is ours
    int status = 0;     // its exit code; 128 and more if a signal ended it
};

// Runs the daemon's binary to its end, as for --dump.
[[nodiscard]] Result<DaemonAnswer> ask_daemon_program(const std::vector<std::string>& arguments);

} // namespace inetd::ctl
