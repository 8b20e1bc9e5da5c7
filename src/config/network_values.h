#pragma once

#include "config/values.h"

// Lists of addresses and networks.
namespace inetd {

[[nodiscard]] std::optional<Value> read_networks(const Setting& setting);
[[nodiscard]] std::string networks_text(const std::vector<Cidr>& networks);

} // namespace inetd
