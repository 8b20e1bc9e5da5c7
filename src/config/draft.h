#pragma once

#include "config/model.h"

#include <compare>
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

    // NOLINTNEXTLINE(modernize-use-nullptr,readability-implicit-bool-conversion): confinement.h
    friend auto operator<=>(const Origin&, const Origin&) = default;
};

// Where the values of services come from: their own over what they share with all others.
struct Origins {
    std::shared_ptr<const std::vector<Origin>> base; // one for each of service_keys()
    struct Own {
        std::size_t key = 0; // index into service_keys()
        Origin origin;       // of `line`: without file and number, which the service has

        // NOLINTNEXTLINE(modernize-use-nullptr,readability-implicit-bool-conversion): confinement.h
        friend auto operator<=>(const Own&, const Own&) = default;
    };
    std::vector<Own> own;

    // NOLINTNEXTLINE(modernize-use-nullptr,readability-implicit-bool-conversion): confinement.h
    friend auto operator<=>(const Origins&, const Origins&) = default;
};

// A service while its values are being laid on one another, from the most general to the most
// particular.
struct Draft {
    ServiceConfig config;                 // but for its terms
    ServiceTerms terms;                   // become config.terms, last of all
    Surroundings surroundings;            // become terms.surroundings
    std::string redirect;                 // becomes terms.relay
    const Setting* redirect_at = nullptr; // where that stands, if in the settings file
    bool enabled = true;                  // false: checked, but not listened on
    std::vector<Origin> origins;          // one for each of service_keys()

    [[nodiscard]] std::string id() const { return config.name + "/" + terms.protocol; }
};

} // namespace inetd
