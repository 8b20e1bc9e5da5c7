#pragma once

#include "base/result.h"

#include <string>
#include <string_view>

namespace inetd::ctl {

// The text of an inetd.cfg(5) in which the services of that name, and of that protocol if it is not
// empty, have `enabled` at this value. Only what has to is changed: comments and layout stay. The
// same text if it says so already. Error: the text is not understood.
[[nodiscard]] Result<std::string> with_enabled(std::string_view text, const std::string& name,
                                               const std::string& protocol, bool enabled);

} // namespace inetd::ctl
