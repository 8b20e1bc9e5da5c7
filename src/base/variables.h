#pragma once

#include <string_view>

// The environment variables that inetd itself is in charge of.
namespace inetd {

// Set for each client: REMOTE_ADDR, TCPREMOTEIP and all of their kind.
[[nodiscard]] bool is_peer_variable(std::string_view name);

// Set from the user data base: USER, LOGNAME, HOME, SHELL.
[[nodiscard]] bool is_account_variable(std::string_view name);

// By which the daemon's own supervisor talks to it: a service that talks to one must not get them.
[[nodiscard]] bool is_supervisor_variable(std::string_view name);

// Letters, digits and '_', no digit in front.
[[nodiscard]] bool is_variable_name(std::string_view name);

} // namespace inetd
