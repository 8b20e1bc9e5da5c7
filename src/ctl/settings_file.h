#pragma once

#include "base/result.h"

#include <string>
#include <vector>

namespace inetd::ctl {

// Writes `enabled` of a service into the settings file at `path`, made if need be, whose other text
// stays as it is. The new text takes the place of the old one at once, and only if the daemon's own
// check finds it, together with the `files` of the configuration, right. False: it says so already.
[[nodiscard]] Result<bool> save_enabled(const std::string& path,
                                        const std::vector<std::string>& files,
                                        const std::string& service, bool enabled);

} // namespace inetd::ctl
