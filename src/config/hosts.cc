#include "config/hosts.h"

#include "config/source.h"

#include <algorithm>
#include <fmt/core.h>
#include <memory>
#include <netdb.h>

namespace inetd {

using Addresses = Lookup<std::vector<SocketAddress>>;

static Addresses no_address(std::string problem, std::string hint = {}) {
    return {.value = {}, .problem = std::move(problem), .hint = std::move(hint)};
}

static Addresses numeric(const std::string& host, const SocketAddress& address) {
    // bind(2) takes no link-local address without its interface, ipv6(7).
    if (address.family() == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&address.v6().sin6_addr) &&
        address.v6().sin6_scope_id == 0)
        return no_address(fmt::format("link-local address {} needs its interface", quoted(host)),
                          fmt::format("write [{}%eth0], with the name of yours", host));
    return {.value = {address.unmapped()}, .problem = {}, .hint = {}};
}

static Addresses ask_resolver(const std::string& host) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM; // one answer for each address, not one for each type
    addrinfo* list = nullptr;
    const int error = getaddrinfo(host.c_str(), nullptr, &hints, &list);
    if (error != 0)
        return no_address(
            fmt::format("no address for host {}: {}", quoted(host), gai_strerror(error)),
            "a numeric address does not depend on the name service");
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(list, &freeaddrinfo);

    Addresses found;
    for (const addrinfo* at = list; at != nullptr; at = at->ai_next) {
        const SocketAddress address = SocketAddress(at->ai_addr, at->ai_addrlen).unmapped();
        auto& value = found.value;
        if (address.is_ip() && std::find(value.begin(), value.end(), address) == value.end())
            value.push_back(address);
    }
    std::stable_sort(
        found.value.begin(), found.value.end(),
        [](const SocketAddress& a, const SocketAddress& b) { return a.family() < b.family(); });
    return found;
}

static Addresses look_up(const std::string& host) {
    if (const auto address = SocketAddress::parse_ip(host, 0)) return numeric(host, *address);
    const auto percent = host.find('%');
    if (percent != std::string::npos && SocketAddress::parse_ip(host.substr(0, percent), 0))
        return no_address(fmt::format("no interface {}", quoted(host.substr(percent + 1))),
                          "'ip link' lists the interfaces");
    // getaddrinfo(3) would take "10.1" for 10.0.0.1, as inet_aton(3) does.
    const bool digits = host.find_first_not_of("0123456789.") == std::string::npos;
    if (digits || host.find(':') != std::string::npos)
        return no_address(fmt::format("{} is not an address", quoted(host)),
                          "addresses are written 192.0.2.1 or [2001:db8::1]");
    return ask_resolver(host);
}

const Addresses& Hosts::find(const std::string& host) {
    const auto at = known_.find(host);
    if (at != known_.end()) return at->second;
    return known_.emplace(host, look_up(host)).first->second;
}

} // namespace inetd
