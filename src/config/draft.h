#pragma once

#include "config/model.h"

#include <cstdint>
#include <string>
#include <vector>

namespace inetd {

struct Setting;

// Where a value of the effective configuration comes from.
struct Origin {
    enum class Kind : std::uint8_t { built_in, command_line, daemon, defaults, line, entry };
    Kind kind = Kind::built_in;
    std::string file; // where it stands; empty for the first two
    int line = 0;
};

// A service while its values are being laid on one another, from the most general to the most
// particular.
struct Draft {
    ServiceConfig config;
    Surroundings surroundings;            // becomes config.surroundings
    std::string redirect;                 // becomes config.relay
    const Setting* redirect_at = nullptr; // where that stands, if in the settings file
    bool enabled = true;                  // false: checked, but not listened on
    // One for each of service_keys(), if anybody will ask; else empty, for there may be many.
    std::vector<Origin> origins;
};

} // namespace inetd
