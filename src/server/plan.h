#pragma once

#include "config/model.h"

#include <cstddef>
#include <optional>
#include <vector>

namespace inetd {

// What a reload will do, decided from the two configurations alone. Listening sockets are known
// again by their ListenSpec, services by the sockets that they share (or by their name behind
// tcpmux).
struct Plan {
    struct Place { // a socket of the running configuration
        std::size_t service = 0;
        std::size_t socket = 0; // index into ServiceConfig::listen
        friend bool operator==(const Place&, const Place&) = default;
    };
    struct Target {
        // Whose counters this service goes on with.
        std::optional<std::size_t> successor_of;
        // For each of the new service's sockets: the running one to keep, or nothing to open it.
        std::vector<std::optional<Place>> sockets;
        // Sockets that clash with one of `closed` and can only be opened after it is gone.
        std::vector<bool> after_close;
    };
    std::vector<Target> targets; // one for each wanted service, in its order
    std::vector<Place> closed;   // running sockets that nobody wants any more

    std::size_t added = 0; // services, for the report
    std::size_t removed = 0;
    std::size_t updated = 0;
    std::size_t unchanged = 0;
};

[[nodiscard]] Plan plan_reload(const std::vector<ServiceConfigPtr>& running,
                               const std::vector<ServiceConfigPtr>& wanted);

// Equal in all that changes what the service does; where its line stands is not looked at.
[[nodiscard]] bool same_service(const ServiceConfig& a, const ServiceConfig& b);

} // namespace inetd
