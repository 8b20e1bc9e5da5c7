#pragma once

#include "config/load.h"

#include <string>
#include <string_view>
#include <vector>

namespace inetd {

// What a key of inetd.cfg has come to for a service.
struct EffectiveValue {
    std::string_view key;
    std::string value;  // as that file would say it; empty = it is not set
    std::string origin; // "line, /etc/inetd.conf:3"
};

// All that have an effect on the service, in the order of service_keys().
[[nodiscard]] std::vector<EffectiveValue> effective_values(const ServiceConfig& service);

// The effective configuration, each value with where it comes from, in the syntax of the settings
// file: read as one, it says the same again. What has no effect on a service is left out. The load
// must have been one with `trace`.
[[nodiscard]] std::string effective_text(const Loaded& loaded);

} // namespace inetd
