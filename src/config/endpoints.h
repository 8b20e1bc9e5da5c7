#pragma once

#include "config/hosts.h"
#include "config/line.h"
#include "config/model.h"
#include "config/ports.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace inetd {

// The addresses of lines that name none.
struct DefaultHosts {
    std::vector<std::string> hosts; // none = all addresses
    std::string origin;             // "the default address of line 3", for messages
};

// Turns the first three columns of a line into the sockets to open.
class Endpoints {
  public:
    // Without IPv6 a bare "tcp" opens an IPv4 socket only, and so does "tcp46".
    explicit Endpoints(bool ipv6) : ipv6_(ipv6) {}

    // Nothing, and reported, if there is an error. Empty for a service of tcpmux.
    std::optional<std::vector<ListenSpec>> find(const Source& source, const ServiceLine& line,
                                                const DefaultHosts& defaults);

  private:
    using Specs = std::optional<std::vector<ListenSpec>>;

    // What a socket of IP is to be, apart from its address.
    struct Kind {
        std::int16_t type = 0;
        std::int16_t protocol = 0;
        IpFamily family = IpFamily::any;
    };

    Specs find_ip(const Source& source, const ServiceLine& line, const DefaultHosts& defaults);
    bool add_host(const Source& source, const ServiceLine& line, IpFamily family, const Token& host,
                  const DefaultHosts* origin, std::vector<SocketAddress>& addresses);
    static std::optional<Kind> kind_of(const Source& source, const ServiceLine& line);
    std::vector<ListenSpec> wildcards(const Kind& kind) const;
    std::optional<std::uint16_t> port_of(const Source& source, const ServiceLine& line);

    bool ipv6_;
    Hosts hosts_;
    Ports ports_;
};

} // namespace inetd
