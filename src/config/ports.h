#pragma once

#include "config/lookup.h"
#include "config/model.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

namespace inetd {

// The data base of services, read once: services(5) lists thousands of lines on some machines, and
// getservbyname(3) reads them anew for each name.
class Ports {
  public:
    // The port of a name or alias; the first protocol of "tcp", "udp", "sctp"... that has it wins.
    Lookup<std::uint16_t> find(const std::string& name, std::string_view protocol,
                               std::string_view fallback_protocol);

  private:
    void read();
    std::uint16_t port_of(const std::string& name, std::string_view protocol);
    std::string hint_for(const std::string& name, std::string_view protocol) const;

    bool read_ = false;
    std::unordered_map<std::string, std::uint16_t> ports_; // "ftp/tcp" -> 21; 0 = known not to be
};

// The number of a protocol, by the name or number in protocols(5).
Lookup<int> find_ip_protocol(const std::string& name);

// The built-in service of a name ("echo") or a well-known port (7); none if there is none.
Builtin builtin_by_name(std::string_view name);
Builtin builtin_by_port(std::uint16_t port);
// Empty for none.
[[nodiscard]] std::string_view builtin_name(Builtin builtin);
// What to say when a name is none of them.
std::string builtin_hint(std::string_view name);

} // namespace inetd
