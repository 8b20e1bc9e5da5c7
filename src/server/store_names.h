#pragma once

#include "config/model.h"

#include <optional>
#include <string>
#include <string_view>

// The names of what the supervisor keeps in its store for the daemon after us.
namespace inetd {

// Says which socket is meant, the same in each life of the daemon: "stream.6=127.0.0.1%3A79". At
// most 200 bytes of the characters that a name in the store may have.
[[nodiscard]] std::string socket_key(const ListenSpec& spec);

// A listening socket of our own.
[[nodiscard]] std::string socket_name(const ListenSpec& spec);
[[nodiscard]] bool is_socket_name(std::string_view name);

// The pidfd of the wait server that has the socket of this key.
[[nodiscard]] std::string server_name(const std::string& key);
// The key of that socket; nothing if this is not such a name.
[[nodiscard]] std::optional<std::string> key_of_server(std::string_view name);

} // namespace inetd
