#pragma once

#include "ctl/context.h"

#include <string>

namespace inetd::ctl {

// Diagnostics of a reply, as `inetd --check` prints them.
[[nodiscard]] std::string diagnostics_text(const Json& diagnostics);
[[nodiscard]] std::size_t count_errors(const Json& diagnostics);

} // namespace inetd::ctl
