#pragma once

#include "config/model.h"

#include <optional>
#include <string>
#include <string_view>

namespace inetd {

// "50/s", "300/min", "10/h burst 20", "5/day". Without a burst the whole count may come at once.
[[nodiscard]] std::optional<Rate> parse_rate(std::string_view text);

// The same the other way round; "0" for no limit.
[[nodiscard]] std::string rate_text(const Rate& rate);

} // namespace inetd
