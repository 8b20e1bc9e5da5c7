#pragma once

#include "base/cidr.h"

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

// Who may come to a service, and when, as a configuration says it: plain values.
namespace inetd {

// One item of a list of clients.
struct AccessEntry {
    enum class Kind : std::uint8_t {
        everybody, // "*"
        network,   // or one address
        host,      // a full name
        domain,    // the names below it
        user,      // of a client of a unix socket
        group,     // the same
    };
    Kind kind = Kind::everybody;
    std::string text{};            // as configured
    std::optional<Cidr> network{}; // of `network` alone
    std::string name{};            // of `host` and `domain`: in lower case, no point at either end
    id_t id = 0;                   // of `user` and `group`

    // NOLINTNEXTLINE(modernize-use-nullptr,readability-implicit-bool-conversion): confinement.h
    friend auto operator<=>(const AccessEntry&, const AccessEntry&) = default;
};
// There may be many entries, and many services that share them; null = no such list was given,
// which is not the same as a list of nobody.
using AccessEntries = std::shared_ptr<const std::vector<AccessEntry>>;

// A part of every day in minutes since midnight: from <= t < to, over midnight where to < from.
struct DayTime {
    std::uint16_t from = 0; // 0 to 1439
    std::uint16_t to = 0;   // 1 to 1440

    // NOLINTNEXTLINE(modernize-use-nullptr,readability-implicit-bool-conversion): confinement.h
    friend auto operator<=>(const DayTime&, const DayTime&) = default;
};

struct AccessConfig {
    AccessEntries only_from{};
    AccessEntries no_access{};
    std::vector<DayTime> times{}; // local; none = always
    double max_load = 0;          // one-minute average from which on nobody is let in; 0 = none
    bool libwrap = false;         // ask hosts_access(5)

    [[nodiscard]] bool empty() const {
        return !only_from && !no_access && times.empty() && max_load == 0 && !libwrap;
    }
    friend bool operator==(const AccessConfig& a, const AccessConfig& b);
    friend std::partial_ordering operator<=>(const AccessConfig& a, const AccessConfig& b);
};

} // namespace inetd
