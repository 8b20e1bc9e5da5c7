#pragma once

#include "base/result.h"

#include <string>
#include <vector>

namespace inetd::ctl {

// The daemon's binary of this installation: beside inetctl, or in the sbin next to its bin.
[[nodiscard]] std::string find_daemon();

// Whether `inetd --check` finds the configuration right; the error is what it says.
[[nodiscard]] Result<void> check_configuration(const std::string& settings,
                                               const std::vector<std::string>& files);

} // namespace inetd::ctl
