#pragma once

#include "ctl/imported.h"
#include "ctl/xinetd_file.h"

namespace inetd::ctl {

// tcp_wrappers: whether hosts_access(5) has rules here, which xinetd asks for each service.
[[nodiscard]] Imported import_xinetd(const XinetdFiles& files, bool tcp_wrappers);

} // namespace inetd::ctl
