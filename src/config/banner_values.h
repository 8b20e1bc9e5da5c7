#pragma once

#include "config/values.h"

#include <optional>
#include <string>

namespace inetd {

// The absolute path of a file, which is read; empty = none.
[[nodiscard]] std::optional<Value> read_banner(const Setting& setting);

[[nodiscard]] std::string banner_text(const std::shared_ptr<const Banner>& banner);

} // namespace inetd
