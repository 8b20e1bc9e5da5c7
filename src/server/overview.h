#pragma once

#include "event/loop.h"
#include "server/acceptor.h"
#include "server/difference.h"
#include "server/privileges.h"
#include "server/reload_result.h"
#include "server/state.h"

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

namespace inetd {

// What is to be said of the daemon as a whole.
struct About {
    TimePoint started{};
    unsigned generation = 0; // changes of the binary before this one
    bool stopping = false;
    std::vector<std::string> files; // of the configuration
    std::string settings;           // inetd.cfg; empty = none
    struct Reload {
        TimePoint at{};
        bool applied = false;
        std::string text;
    };
    std::optional<Reload> last_reload;
    ReloadCounts reloads;
    PrivilegeState privileges;
};

// The larger replies of io.inetd.Control.
namespace overview {

using nlohmann::json;

// `running`: servers and sessions.
[[nodiscard]] json status(const About& about, const State& state, std::size_t running);
// Everything about one service.
[[nodiscard]] json details(const Service& service, const State& state, const Acceptor& acceptor);
[[nodiscard]] json changes(const std::vector<Change>& changes);

} // namespace overview

} // namespace inetd
