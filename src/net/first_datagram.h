#pragma once

#include "base/address.h"

#include <optional>

namespace inetd {

// Of the datagram that is first in the queue of a socket, who sent it: an unnamed address for a
// unix client that did not bind. Leaves it there. Nothing if there is none, or none that can be
// had.
[[nodiscard]] std::optional<SocketAddress> first_sender(int fd);

// Throws the first datagram away. Never waits, whatever the mode of the socket.
void drop_first_datagram(int fd);

} // namespace inetd
