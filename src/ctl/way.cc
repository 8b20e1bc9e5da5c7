#include "ctl/way.h"

#include "base/text.h"
#include "ctl/fields.h"
#include "ctl/text.h"

#include <array>
#include <fmt/format.h>
#include <linux/vm_sockets.h>

namespace inetd::ctl {

bool Way::has_connections() const {
    return type != SOCK_DGRAM;
}

std::optional<SocketAddress> parse_address(std::string_view text) {
    if (text.starts_with('/') || text.starts_with('@')) {
        const auto path = unescaped(text);
        return path ? SocketAddress::unix_path(*path) : std::nullopt;
    }
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    std::string_view host = text.substr(0, colon);
    constexpr std::string_view kVsock = "vsock:";
    if (host.starts_with(kVsock)) {
        const auto cid = to_number<std::uint32_t>(host.substr(kVsock.size()), 0, UINT32_MAX);
        const auto port = to_number<std::uint32_t>(text.substr(colon + 1), 0, UINT32_MAX);
        return cid && port ? std::optional(SocketAddress::vsock(*cid, *port)) : std::nullopt;
    }
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    const auto port = to_number<std::uint16_t>(text.substr(colon + 1), 0, UINT16_MAX);
    return port ? SocketAddress::parse_ip(host, *port) : std::nullopt;
}

static SocketAddress nearest(const SocketAddress& address) {
    if (!address.is_wildcard()) return address;
    if (address.family() == AF_VSOCK) return SocketAddress::vsock(VMADDR_CID_LOCAL, address.port());
    const bool v6 = address.family() == AF_INET6;
    return *SocketAddress::parse_ip(v6 ? "::1" : "127.0.0.1",
                                    static_cast<std::uint16_t>(address.port()));
}

static std::optional<int> socket_type(std::string_view name) {
    if (name == "stream") return SOCK_STREAM;
    if (name == "dgram") return SOCK_DGRAM;
    if (name == "seqpacket") return SOCK_SEQPACKET;
    return std::nullopt;
}

static int socket_protocol(std::string_view name) {
    struct Known {
        std::string_view name;
        int number;
    };
    static constexpr std::array kKnown{Known{"mptcp", IPPROTO_MPTCP}, Known{"sctp", IPPROTO_SCTP},
                                       Known{"udplite", IPPROTO_UDPLITE}};
    for (const Known& known : kKnown)
        if (name.starts_with(known.name)) return known.number;
    return 0;
}

static std::string remedy_of(const Json& details, const std::string& state,
                             const std::string& reason, const std::string& address) {
    const std::string name = service_of(details.at("service"));
    if (state == "paused" || state == "drained")
        return fmt::format("'inetctl resume {}' lets it go on", name);
    if (state == "disabled") return fmt::format("'inetctl enable {}' opens it again", name);
    if (state != "failed") return {};
    if (reason.ends_with("Address already in use"))
        return fmt::format("another program has {}; 'ss -lpn' tells which; inetd tries again by "
                           "itself",
                           address);
    if (reason.ends_with("Cannot assign requested address"))
        return "inetd listens there as soon as this machine has the address";
    return fmt::format("inetd tries again by itself; 'inetctl log {}' may tell more", name);
}

// "127.0.0.1" or "127.0.0.1:13" of what the daemon calls "127.0.0.1:13" or "0.0.0.0:13".
static bool is_named(std::string_view wanted, const std::string& listening,
                     const std::optional<SocketAddress>& address) {
    if (wanted.empty() || wanted == listening) return true;
    if (!address) return false;
    const SocketAddress near = nearest(*address);
    return wanted == address->host() || wanted == near.host() || wanted == near.to_string();
}

static void add_muxed(const Json& details, std::string_view wanted, Ways& ways) {
    for (const Json& one : details.at("behind")) {
        const auto listening = one.get<std::string>();
        const auto address = parse_address(listening);
        if (address && is_named(wanted, listening, address))
            ways.open.push_back({nearest(*address), listening, SOCK_STREAM, 0, {}});
    }
    if (!ways.open.empty() || !wanted.empty()) return;
    ways.trouble.emplace_back("it is behind tcpmux, and no tcpmux is listening");
    ways.remedy = "add a line for tcpmux, as in inetd.conf(5)";
}

// Empty: it is not set.
static std::string setting(const Json& details, std::string_view key) {
    for (const Json& one : details.at("settings"))
        if (one.at("key") == key) return text_of(one.at("value"));
    return {};
}

std::string header_of(const Json& details) {
    // The addresses stay those of the connection (PROXY protocol, 2.1).
    return setting(details, "proxy_protocol") == "true" ? "PROXY UNKNOWN\r\n" : "";
}

Ways ways_to(const Json& details, std::string_view wanted) {
    Ways ways;
    const std::string header = header_of(details);
    const Json& service = details.at("service");
    for (const Json& one : details.at("sockets")) {
        const auto listening = one.at("address").get<std::string>();
        const auto address = parse_address(listening);
        if (!is_named(wanted, listening, address)) continue;
        const std::string state = text_of(one.at("state"));
        const std::string reason = text_of(one.at("reason"));
        const auto type = socket_type(one.at("type").get<std::string>());
        const bool open = state == "listening" || state == "parked" || state == "lent";
        if (open && address && type) {
            Way way{nearest(*address),
                    listening,
                    *type,
                    socket_protocol(service.at("protocol").get<std::string>()),
                    {}};
            if (way.has_connections()) way.header = header;
            ways.open.push_back(std::move(way));
            continue;
        }
        ways.trouble.push_back(
            open ? fmt::format("{}: this kind of socket cannot be tried", printable(listening))
                 : fmt::format("{}: {}{}", printable(listening), state,
                               reason.empty() ? "" : ": " + reason));
        if (ways.remedy.empty()) ways.remedy = remedy_of(details, state, reason, listening);
    }
    if (service.at("state") == "muxed") add_muxed(details, wanted, ways);
    if (ways.open.empty() && ways.trouble.empty())
        ways.trouble.push_back(fmt::format("it does not listen on {}", printable(wanted)));
    return ways;
}

Opening opening_of(const Json& details) {
    Opening opening;
    const auto name = details.at("service").at("name").get<std::string>();
    constexpr std::string_view kMux = "tcpmux/";
    if (name.starts_with(kMux)) opening.prefix = name.substr(kMux.size()) + "\r\n";
    if (const std::string time = setting(details, "sensor"); time != "0") opening.sensor = time;
    const std::string builtin = text_of(details.at("builtin"));
    const auto& sockets = details.at("sockets");
    const bool datagrams = !sockets.empty() && sockets.front().at("type") == "dgram";
    opening.mirrored = builtin == "echo";
    opening.swallowed = builtin == "discard";
    if (opening.mirrored || opening.swallowed) {
        opening.probe = "hello from inetctl\r\n";
    } else if (builtin == "auth") {
        opening.probe = "1, 1\r\n"; // RFC 1413: nobody has this connection
    } else if (builtin == "tcpmux") {
        opening.probe = "help\r\n"; // RFC 1078: which services are there?
    } else if (builtin == "metrics") {
        opening.probe = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    } else if (datagrams) {
        // Nobody learns that there is a client before he has sent something.
        opening.probe = "\r\n";
    }
    return opening;
}

} // namespace inetd::ctl
