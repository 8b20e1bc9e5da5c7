#pragma once

#include "base/address.h"
#include "ctl/context.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace inetd::ctl {

// How a client on this machine comes to a service.
struct Way {
    SocketAddress address; // to connect to: a loopback where the daemon listens everywhere
    std::string listening; // what the daemon calls it: "0.0.0.0:13"
    int type = 0;          // SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET
    int protocol = 0;      // the third argument of socket(2)
    std::string header{};  // comes before all else: who the client is, to a `proxy_protocol`

    [[nodiscard]] bool has_connections() const;
};

struct Ways {
    std::vector<Way> open;
    std::vector<std::string> trouble; // what is wrong with the others, or with all
    std::string remedy;               // what helps; empty = nobody knows
};

// Of the Details that the daemon gives. `wanted`: only those that it names, by host or host and
// port; empty = all. Where the service is behind tcpmux the header is that one's, and is left
// empty.
[[nodiscard]] Ways ways_to(const Json& details, std::string_view wanted = {});

// What a service, or the tcpmux that is before it, has to be given before all else by whoever comes
// by a connection. Of its Details; empty = nothing.
[[nodiscard]] std::string header_of(const Json& details);

// Of a text as SocketAddress::to_string makes it.
[[nodiscard]] std::optional<SocketAddress> parse_address(std::string_view text);

// What to begin with.
struct Opening {
    std::string prefix;     // names the service to tcpmux
    std::string probe;      // if there is nothing else to send; empty = it speaks first, perhaps
    bool mirrored = false;  // the same will come back
    bool swallowed = false; // nothing will come back
    std::string sensor;     // whoever connects is shut out for so long; empty = nobody
};
[[nodiscard]] Opening opening_of(const Json& details);

} // namespace inetd::ctl
