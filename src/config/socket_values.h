#pragma once

#include "config/values.h"

#include <optional>

namespace inetd {

// A name that a network interface can have, or an empty one. Nothing, and reported, if it is none.
[[nodiscard]] std::optional<Value> read_interface(const Setting& setting);

// The octet of the IP header: a number, or the name of a class of RFC 2474, 2597, 3246, 5865 or
// 8622, as in "cs1", "af41" and "ef", or of RFC 1349, as in "lowdelay".
[[nodiscard]] std::optional<Value> read_traffic_class(const Setting& setting);

} // namespace inetd
