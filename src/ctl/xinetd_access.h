#pragma once

#include "ctl/imported.h"
#include "ctl/xinetd_values.h"

namespace inetd::ctl {

// Adds who may come, and when. A service for which inetd cannot say that is switched off.
void add_xinetd_access(const XinetdValues& values, bool tcp_wrappers, ImportedService& service);

} // namespace inetd::ctl
