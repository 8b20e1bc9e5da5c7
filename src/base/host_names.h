#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace inetd {

// What a name service says of an address: only names that lead back to it.
struct HostNames {
    enum class State : std::uint8_t {
        known,   // `names` are all that it has; there may be none
        unknown, // not all that was asked was answered, or none of its names leads back to it
    };
    State state = State::unknown;
    std::vector<std::string> names{}; // in lower case, without the point of the root

    friend bool operator==(const HostNames&, const HostNames&) = default;
};

} // namespace inetd
