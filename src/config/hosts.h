#pragma once

#include "base/address.h"
#include "config/lookup.h"

#include <string>
#include <unordered_map>
#include <vector>

namespace inetd {

// The addresses of hosts, each asked for once.
class Hosts {
  public:
    // A numeric address, or all the addresses of a name, IPv4 first; the port is 0. An address that
    // maps IPv4 into IPv6 comes back as the IPv4 address that it is.
    const Lookup<std::vector<SocketAddress>>& find(const std::string& host);

  private:
    std::unordered_map<std::string, Lookup<std::vector<SocketAddress>>> known_;
};

} // namespace inetd
