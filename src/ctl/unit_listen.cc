#include "ctl/unit_listen.h"

#include "base/address.h"
#include "base/text.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace inetd::ctl {

// The protocol of a socket for an address of IP, without the digit of the family.
static std::string transport(const ImportedService& model, UnitValues& socket) {
    std::string named = socket.text("SocketProtocol");
    if (!named.empty()) return named;
    if (model.type == "seqpacket") return "sctp";
    return model.type == "dgram" ? "udp" : "tcp";
}

static bool set_ip(ImportedService& model, std::string text, UnitValues& socket) {
    // "[fe80::1]:80%eth0" names the interface behind the port, inetd.conf within the address.
    std::string zone;
    if (const auto percent = text.rfind('%'); percent != std::string::npos) {
        zone = text.substr(percent);
        text.resize(percent);
    }
    const auto colon = text.rfind(':');
    const bool has_host = colon != std::string::npos;
    std::string host = has_host ? text.substr(0, colon) : "";
    const std::string port = has_host ? text.substr(colon + 1) : text;
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    if (!to_number<std::uint32_t>(port, 1, 65535)) return false;
    host += zone;
    const auto address = SocketAddress::parse_ip(host, 0);
    if (has_host && !address) return false;
    model.name = port;
    model.protocol = transport(model, socket);
    const bool v4 = has_host && address->family() == AF_INET;
    const bool any = !has_host || address->is_wildcard();
    if (!any) model.addresses = {host};
    if (v4 || !any)
        model.protocol += v4 ? "4" : "6";
    else if (socket.text("BindIPv6Only") == "ipv6-only")
        model.protocol += "6";
    else if (model.wait)
        model.protocol += "46"; // a server that is lent two sockets would run twice
    return true;
}

static bool set_vsock(ImportedService& model, std::string_view text) {
    const auto colon = text.find(':');
    if (colon == std::string_view::npos) return false;
    const std::string_view cid = text.substr(0, colon);
    const std::string_view port = text.substr(colon + 1);
    if (!to_number<std::uint32_t>(port, 1, UINT32_MAX)) return false;
    model.protocol = "vsock";
    model.name = port;
    if (!cid.empty() && cid != "4294967295") model.addresses = {std::string(cid)};
    return true;
}

bool set_address(ImportedService& model, const std::string& listen, UnitValues& socket) {
    if (listen.starts_with("vsock:")) return set_vsock(model, std::string_view(listen).substr(6));
    if (!listen.starts_with('/') && !listen.starts_with('@')) return set_ip(model, listen, socket);
    model.protocol = "unix";
    model.name = listen;
    return true;
}

void drop_what_lacks_effect(ImportedService& model) {
    static constexpr std::array kTcp{"keepalive", "nodelay", "defer_accept"};
    static constexpr std::array kIp{"reuse_port", "freebind", "bind_to_device", "mark", "tos"};
    static constexpr std::array kPath{"socket_user", "socket_group", "socket_mode"};
    const auto is_one_of = [](const std::string& key, const auto& keys) {
        return std::find(keys.begin(), keys.end(), key) != keys.end();
    };
    const bool ip = model.protocol != "unix" && model.protocol != "vsock";
    const bool tcp = model.protocol.starts_with("tcp") || model.protocol.starts_with("mptcp");
    const bool path = model.name.starts_with('/');
    const bool dgram = model.type == "dgram";
    std::erase_if(model.settings, [&](const ImportedSetting& setting) {
        const std::string& key = setting.first;
        return (!tcp && is_one_of(key, kTcp)) || (!ip && is_one_of(key, kIp)) ||
               (!path && is_one_of(key, kPath)) || (dgram && key == "backlog");
    });
}

} // namespace inetd::ctl
