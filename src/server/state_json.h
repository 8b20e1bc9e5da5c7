#pragma once

#include "config/diagnostic.h"
#include "log/recent.h"
#include "server/state.h"

#include <nlohmann/json_fwd.hpp>

// The values of the interface io.inetd.Control, by the names that its description gives them.
namespace inetd::state_json {

using nlohmann::json;

[[nodiscard]] json service(const State::Service& service);
[[nodiscard]] json sockets(const State::Service& service);
[[nodiscard]] json refused_by(const RefusalCounts& counts);
// With what /proc says of it at present.
[[nodiscard]] json instance(const State::Server& server);
[[nodiscard]] json session(const SocketAddress& client, TimePoint started);
[[nodiscard]] json peer(const SocketAddress& peer); // null where it is not known
[[nodiscard]] json log_line(const log::Recent::Line& line);
[[nodiscard]] json diagnostics(const Diagnostics& diagnostics);

} // namespace inetd::state_json
