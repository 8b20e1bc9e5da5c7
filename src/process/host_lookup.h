#pragma once

#include "base/address.h"
#include "base/host_names.h"

namespace inetd {

// Asks the name services of the machine (nsswitch.conf(5)) for the names of an address of IP, and
// whether each leads back to it: whoever has an address also says what it is called. Takes as long
// as they do, so not for the daemon.
[[nodiscard]] HostNames look_up_host(const SocketAddress& address);

} // namespace inetd
