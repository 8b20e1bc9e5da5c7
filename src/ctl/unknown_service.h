#pragma once

#include "ctl/context.h"

#include <string>

namespace inetd::ctl {

// Says on standard error what may be meant by a name that the daemon does not know: a line that it
// has not read yet, or a name that is nearly the same.
void explain_unknown_service(const Context& context, const std::string& name);

} // namespace inetd::ctl
