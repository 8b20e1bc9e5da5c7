#pragma once

#include "config/model.h"

#include <cstddef>
#include <cstdint>
#include <memory>
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

    friend bool operator==(const Origin&, const Origin&) = default;
};

// Where the values of one service come from: its own over what it shares with all others.
struct Origins {
    std::shared_ptr<const std::vector<Origin>> base; // one for each of service_keys()
    struct Own {
        std::size_t key = 0; // index into service_keys()
        Origin origin;       // without a file: that of the service's line
    };
    std::vector<Own> own;
};

// A service while its values are being laid on one another, from the most general to the most
// particular.
struct Draft {
    ServiceConfig config;
    Surroundings surroundings;            // becomes config.surroundings
    std::string redirect;                 // becomes config.relay
    const Setting* redirect_at = nullptr; // where that stands, if in the settings file
    bool enabled = true;                  // false: checked, but not listened on
    std::vector<Origin> origins;          // one for each of service_keys()
};

} // namespace inetd
