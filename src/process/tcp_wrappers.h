#pragma once

#include "base/address.h"

#include <string>

namespace inetd {

// Whether hosts.allow and hosts.deny (hosts_access(5)) let the client come to `daemon`. May look
// names up and run what those files say, so not for the daemon. No, if one of them cannot be read
// or libwrap cannot be loaded.
[[nodiscard]] bool wrappers_admit(const std::string& daemon, const SocketAddress& client,
                                  const SocketAddress& local);

} // namespace inetd
