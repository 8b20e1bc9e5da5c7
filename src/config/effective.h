#pragma once

#include "config/load.h"

#include <string>

namespace inetd {

// The effective configuration, each value with where it comes from, in the syntax of the settings
// file: read as one, it says the same again. What has no effect on a service is left out. The load
// must have been one with `trace`.
[[nodiscard]] std::string effective_text(const Loaded& loaded);

} // namespace inetd
