#pragma once

#include <string>
#include <vector>

namespace inetd::ctl {

// An entry of only_from or no_access, and what is to be said about it.
struct XinetdAddress {
    std::vector<std::string> entries; // as inetd.cfg(5) has them; none = it is no address
    bool is_network = true;           // and not a name
    std::string remark{};             // what has changed in its meaning; empty = nothing
};

// xinetd takes zeros at the end of an IPv4 address for wildcards, sets in braces, the names of
// networks(5), host names, domains and networks with a length. Only networks(5) is looked at.
[[nodiscard]] XinetdAddress xinetd_address(const std::string& text);

} // namespace inetd::ctl
