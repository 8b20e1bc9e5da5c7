#pragma once

#include "base/result.h"

#include <string>
#include <vector>

namespace inetd::ctl {

// The daemon's binary of this installation: beside inetctl, or in the sbin next to its bin.
[[nodiscard]] std::string daemon_program();

struct DaemonAnswer {
    std::string text; // what it said
    int status = 0;   // its exit code; 128 and more if a signal ended it
};

// Runs the daemon's binary to its end, and takes what it says on the descriptor `heard`, standard
// output or standard error; the other one is ours.
[[nodiscard]] Result<DaemonAnswer> ask_daemon_program(const std::vector<std::string>& arguments,
                                                      int heard);

// Whether `inetd --check` finds the configuration right; the error is what it says.
[[nodiscard]] Result<void> check_configuration(const std::string& settings,
                                               const std::vector<std::string>& files);

} // namespace inetd::ctl
