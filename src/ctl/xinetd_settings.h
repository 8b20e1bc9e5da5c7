#pragma once

#include "ctl/imported.h"
#include "ctl/xinetd_values.h"

namespace inetd::ctl {

// Adds to a service whose columns are known what goes into inetd.cfg(5), and what goes nowhere.
void add_xinetd_settings(const XinetdValues& values, bool tcp_wrappers, ImportedService& service);

} // namespace inetd::ctl
