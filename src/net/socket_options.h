#pragma once

#include "base/result.h"
#include "config/model.h"

namespace inetd {

// Makes an IP socket, bound or not, have the options that its kind has: keepalive, nodelay and
// defer_accept of TCP, and reuse_port, freebind, bind_to_device, tos and mark. Connections inherit
// them from the socket that they are accepted from. What is as wanted is left alone, as to set it
// may need a capability that not even the same value is exempt from. What is bound with reuse_port
// or freebind stays so.
// Error: "bind_to_device eth1 of 0.0.0.0:21" and the errno.
Result<void> set_ip_options(int fd, const ListenSpec& spec, const SocketOptions& options);

} // namespace inetd
