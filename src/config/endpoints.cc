#include "config/endpoints.h"

#include "base/text.h"

#include <algorithm>
#include <fmt/core.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>

namespace inetd {

static std::int16_t protocol_number(Transport transport) {
    switch (transport) {
    case Transport::tcp:
        return IPPROTO_TCP;
    case Transport::udp:
        return IPPROTO_UDP;
    case Transport::sctp:
        return IPPROTO_SCTP;
    case Transport::mptcp:
        return IPPROTO_MPTCP;
    case Transport::udplite:
        return IPPROTO_UDPLITE;
    default:
        return 0;
    }
}

// The names under which services(5) lists the ports of a protocol: its own, then its parent's.
static std::pair<std::string_view, std::string_view> service_protocols(Transport transport) {
    switch (transport) {
    case Transport::udp:
        return {"udp", "udp"};
    case Transport::udplite:
        return {"udplite", "udp"};
    case Transport::sctp:
        return {"sctp", "tcp"};
    case Transport::mptcp:
        return {"mptcp", "tcp"};
    default:
        return {"tcp", "tcp"};
    }
}

static bool allowed(IpFamily family, const SocketAddress& address) {
    if (family == IpFamily::v4) return address.family() == AF_INET;
    if (family == IpFamily::v6) return address.family() == AF_INET6;
    return true;
}

std::optional<std::uint16_t> Endpoints::port_of(const Source& source, const ServiceLine& line) {
    if (line.transport == Transport::raw) return std::uint16_t{0};
    const std::string& name = line.service.text;
    if (name.find_first_not_of("0123456789") == std::string::npos) {
        const auto port = to_number<std::uint16_t>(name, 1, UINT16_MAX);
        if (!port)
            source.error(line.service.at, fmt::format("{} is not a port number", quoted(name)),
                         "ports are numbers from 1 to 65535");
        return port;
    }
    const auto [own, parent] = service_protocols(line.transport);
    const auto found = ports_.find(name, own, parent);
    if (found.found()) return found.value;
    source.error(line.service.at, found.problem, found.hint);
    return std::nullopt;
}

std::optional<Endpoints::Kind> Endpoints::kind_of(const Source& source, const ServiceLine& line) {
    if (line.transport != Transport::raw)
        return Kind{line.type, protocol_number(line.transport), line.family};

    // "ipv6" is a protocol of its own, "ospf6" is OSPF over IPv6; and no name is ICMP over IPv6.
    const std::string& name = line.protocol.text;
    Kind kind{line.type, 0, IpFamily::v4};
    auto number = find_ip_protocol(name);
    const std::string stem = name.substr(0, name.find_last_not_of("46") + 1);
    if (!number.found() && stem != "icmp" && name.size() > stem.size()) {
        const auto shorter = find_ip_protocol(stem);
        if (shorter.found()) number = shorter;
        const std::string suffix = name.substr(stem.size());
        kind.family = suffix == "46" ? IpFamily::any : suffix == "6" ? IpFamily::v6 : IpFamily::v4;
    }
    if (!number.found()) {
        source.error(line.protocol.at, number.problem, number.hint);
        return std::nullopt;
    }
    kind.protocol = static_cast<std::int16_t>(number.value);
    if (kind.protocol == IPPROTO_ICMPV6) kind.family = IpFamily::v6;
    return kind;
}

std::vector<ListenSpec> Endpoints::wildcards(const Kind& kind) const {
    const bool v4_only = kind.family == IpFamily::v4 || (!ipv6_ && kind.family != IpFamily::v6);
    const ListenSpec v4{
        .address = SocketAddress::any_v4(0), .type = kind.type, .protocol = kind.protocol};
    const ListenSpec v6{.address = SocketAddress::any_v6(0),
                        .type = kind.type,
                        .protocol = kind.protocol,
                        .dual_stack = kind.family == IpFamily::dual};
    if (v4_only) return {v4};
    if (kind.family == IpFamily::any) return {v4, v6};
    return {v6};
}

// `origin` is null for a host that the line itself names.
bool Endpoints::add_host(const Source& source, const ServiceLine& line, IpFamily family,
                         const Token& host, const DefaultHosts* origin,
                         std::vector<SocketAddress>& addresses) {
    const std::string suffix = origin == nullptr ? "" : " (" + origin->origin + ")";
    const auto& found = hosts_.find(host.text);
    if (!found.found()) {
        source.error(host.at, found.problem + suffix, found.hint);
        return false;
    }
    bool any = false;
    for (const SocketAddress& address : found.value) {
        if (!allowed(family, address)) continue;
        any = true;
        if (std::find(addresses.begin(), addresses.end(), address) == addresses.end())
            addresses.push_back(address);
    }
    if (any) return true;
    const bool v4 = family == IpFamily::v4;
    source.error(host.at,
                 fmt::format("{} has no {} address, but {} takes no other{}", quoted(host.text),
                             v4 ? "IPv4" : "IPv6", quoted(line.protocol.text), suffix),
                 line.transport == Transport::tcp || line.transport == Transport::udp
                     ? fmt::format("write '{}' for either family",
                                   line.transport == Transport::tcp ? "tcp" : "udp")
                     : "");
    return false;
}

Endpoints::Specs Endpoints::find_ip(const Source& source, const ServiceLine& line,
                                    const DefaultHosts& defaults) {
    const auto kind = kind_of(source, line);
    const auto port = port_of(source, line);
    bool good = kind && port;
    const IpFamily family = kind ? kind->family : IpFamily::any;

    std::vector<Token> hosts = line.hosts;
    const DefaultHosts* origin = hosts.empty() ? &defaults : nullptr;
    if (origin != nullptr)
        for (const std::string& host : defaults.hosts)
            hosts.push_back({.text = host, .at = line.service.at});
    const bool all =
        hosts.empty() ||
        std::any_of(hosts.begin(), hosts.end(), [](const Token& host) { return host.text == "*"; });
    if (all && hosts.size() > 1)
        source.warning(hosts.front().at, "'*' takes in the other addresses of this list");

    std::vector<SocketAddress> addresses;
    for (const Token& host : hosts)
        good = (all || add_host(source, line, family, host, origin, addresses)) && good;
    if (!good) return std::nullopt;
    std::vector<ListenSpec> specs;
    if (all) specs = wildcards(*kind);
    for (const SocketAddress& address : addresses)
        specs.push_back({.address = address,
                         .type = kind->type,
                         .protocol = kind->protocol,
                         .dual_stack = family == IpFamily::dual && address.family() == AF_INET6 &&
                                       address.is_wildcard()});
    for (ListenSpec& spec : specs)
        spec.address.set_port(*port);
    return specs;
}

static std::optional<std::vector<ListenSpec>> find_vsock(const Source& source,
                                                         const ServiceLine& line) {
    const auto port = to_number<std::uint32_t>(line.service.text, 1, VMADDR_PORT_ANY - 1);
    bool good = port.has_value();
    if (!good)
        source.error(line.service.at,
                     fmt::format("{} is not a port of vsock", quoted(line.service.text)),
                     "ports of vsock are numbers from 1 to 4294967294");
    std::vector<std::uint32_t> contexts;
    for (const Token& host : line.hosts) {
        auto context = to_number<std::uint32_t>(host.text, 0, VMADDR_CID_ANY - 1);
        if (host.text == "*") context = VMADDR_CID_ANY;
        if (!context)
            source.error(host.at, fmt::format("{} is not a context of vsock", quoted(host.text)),
                         "write the number of the context (CID), or '*'; see vsock(7)");
        good = good && context;
        contexts.push_back(context.value_or(0));
    }
    if (!good) return std::nullopt;
    if (contexts.empty()) contexts.push_back(VMADDR_CID_ANY);
    std::vector<ListenSpec> specs;
    specs.reserve(contexts.size());
    for (const std::uint32_t context : contexts)
        specs.push_back({.address = SocketAddress::vsock(context, *port), .type = line.type});
    return specs;
}

static std::optional<std::vector<ListenSpec>> find_local(const Source& source,
                                                         const ServiceLine& line) {
    const std::string& path = line.service.text;
    if (const auto address = SocketAddress::unix_path(path))
        return std::vector<ListenSpec>{{.address = *address, .type = line.type}};
    // sun_path has 108 bytes; a path ends in a NUL byte, an abstract name begins with one.
    if (path.size() < 2)
        source.error(line.service.at, fmt::format("{} does not name a socket", quoted(path)));
    else
        source.error(line.service.at,
                     fmt::format("{} has {} bytes, more than the {} of unix(7)", quoted(path),
                                 path.size(), path.starts_with('@') ? 108 : 107));
    return std::nullopt;
}

Endpoints::Specs Endpoints::find(const Source& source, const ServiceLine& line,
                                 const DefaultHosts& defaults) {
    if (!line.mux_name.empty()) return std::vector<ListenSpec>{};
    if (line.transport == Transport::local) return find_local(source, line);
    if (line.transport == Transport::vsock) return find_vsock(source, line);
    return find_ip(source, line, defaults);
}

} // namespace inetd
