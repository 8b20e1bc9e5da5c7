#pragma once

#include "ctl/xinetd_values.h"

#include <string>
#include <vector>

namespace inetd::ctl {

// The attributes rlimit_* as the value of `rlimits` in inetd.cfg(5); empty if there are none. Those
// that are no numbers go to `bad`.
[[nodiscard]] std::string xinetd_rlimits(const XinetdValues& values, std::vector<std::string>& bad);

} // namespace inetd::ctl
