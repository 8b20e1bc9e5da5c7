#include "config/ports.h"

#include "base/text.h"
#include "config/source.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <vector>

namespace inetd {

struct BuiltinName {
    std::string_view name;
    std::uint16_t port; // 0 = has none of its own
    Builtin builtin;
};
static constexpr BuiltinName kBuiltins[] = {
    {"tcpmux", 1, Builtin::tcpmux},    {"echo", 7, Builtin::echo},
    {"discard", 9, Builtin::discard},  {"daytime", 13, Builtin::daytime},
    {"chargen", 19, Builtin::chargen}, {"time", 37, Builtin::time},
    {"auth", 113, Builtin::auth},      {"redirect", 0, Builtin::redirect},
    {"metrics", 0, Builtin::metrics},
};

Builtin builtin_by_name(std::string_view name) {
    for (const BuiltinName& known : kBuiltins)
        if (known.name == name) return known.builtin;
    return Builtin::none;
}

Builtin builtin_by_port(std::uint16_t port) {
    for (const BuiltinName& known : kBuiltins)
        if (known.port == port) return known.builtin;
    return Builtin::none;
}

std::string_view builtin_name(Builtin builtin) {
    for (const BuiltinName& known : kBuiltins)
        if (known.builtin == builtin) return known.name;
    return {};
}

std::string builtin_hint(std::string_view name) {
    std::vector<std::string_view> names;
    for (const BuiltinName& known : kBuiltins)
        names.push_back(known.name);
    return suggestion(name, names, fmt::format("built-in services: {}", fmt::join(names, ", ")));
}

static std::string key_of(std::string_view name, std::string_view protocol) {
    std::string key;
    key.reserve(name.size() + 1 + protocol.size());
    key.append(name).append("/").append(protocol);
    return key;
}

static std::uint16_t port_of_entry(const servent& entry) {
    return ntohs(static_cast<std::uint16_t>(entry.s_port));
}

void Ports::read() {
    read_ = true;
    setservent(0);
    while (const servent* entry = getservent()) {
        const std::uint16_t port = port_of_entry(*entry);
        ports_.try_emplace(key_of(entry->s_name, entry->s_proto), port);
        for (char** alias = entry->s_aliases; *alias != nullptr; ++alias)
            ports_.try_emplace(key_of(*alias, entry->s_proto), port);
    }
    endservent();
    // A container often has no /etc/services; what is built in needs none.
    for (const BuiltinName& known : kBuiltins) {
        if (known.port == 0) continue;
        ports_.try_emplace(key_of(known.name, "tcp"), known.port);
        if (known.builtin != Builtin::tcpmux && known.builtin != Builtin::auth)
            ports_.try_emplace(key_of(known.name, "udp"), known.port);
    }
}

std::uint16_t Ports::port_of(const std::string& name, std::string_view protocol) {
    if (!read_) read();
    const auto [at, is_new] = ports_.try_emplace(key_of(name, protocol), std::uint16_t{0});
    if (!is_new) return at->second;
    // Some data bases of nsswitch.conf(5) answer by name, but give no list.
    const servent* entry = getservbyname(name.c_str(), std::string(protocol).c_str());
    if (entry != nullptr) at->second = port_of_entry(*entry);
    return at->second;
}

std::string Ports::hint_for(const std::string& name, std::string_view protocol) const {
    std::vector<std::string_view> candidates;
    for (const auto& [key, port] : ports_) {
        const std::string_view text = key;
        const auto slash = text.rfind('/');
        if (port == 0) continue;
        if (text.substr(0, slash) == name)
            return fmt::format("services(5) has it for {} only", text.substr(slash + 1));
        if (text.substr(slash + 1) == protocol) candidates.push_back(text.substr(0, slash));
    }
    return suggestion(name, candidates, "see services(5), or write the number of the port");
}

Lookup<std::uint16_t> Ports::find(const std::string& name, std::string_view protocol,
                                  std::string_view fallback_protocol) {
    std::uint16_t port = port_of(name, protocol);
    if (port == 0 && fallback_protocol != protocol) port = port_of(name, fallback_protocol);
    if (port != 0) return {.value = port, .problem = {}, .hint = {}};
    return {.value = 0,
            .problem = fmt::format("unknown service {} for {}", quoted(name), fallback_protocol),
            .hint = hint_for(name, fallback_protocol)};
}

Lookup<int> find_ip_protocol(const std::string& name) {
    if (const auto number = to_number(name, 0, 255))
        return {.value = *number, .problem = {}, .hint = {}};
    if (const protoent* entry = getprotobyname(name.c_str()))
        return {.value = entry->p_proto, .problem = {}, .hint = {}};
    return {.value = 0,
            .problem = fmt::format("unknown protocol {}", quoted(name)),
            .hint = name == "icmp6" || name == "icmpv6"
                        ? "did you mean 'ipv6-icmp'?"
                        : "a raw service takes a name or a number of protocols(5)"};
}

} // namespace inetd
