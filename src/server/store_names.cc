#include "server/store_names.h"

#include "net/socket.h"

#include <algorithm>
#include <cstdint>
#include <fmt/core.h>

namespace inetd {

static constexpr std::size_t kMost = 200;
// No service's name begins like this: a name of a unit's socket may be any service's.
static constexpr std::string_view kSocket = "own=";
static constexpr std::string_view kServer = "lent=";

static bool is_plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("./@_-").find(c) != std::string_view::npos;
}

// FNV-1a.
static std::uint64_t hash_of(std::string_view text) {
    std::uint64_t hash = 0xcbf29ce484222325;
    for (const char c : text)
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    return hash;
}

std::string socket_key(const ListenSpec& spec) {
    const bool both = spec.dual_stack && spec.address.is_wildcard();
    std::string key =
        fmt::format("{}.{}{}=", socket_type_name(spec.type), spec.protocol, both ? ".46" : "");
    for (const char c : spec.address.to_string()) {
        if (is_plain(c)) {
            key += c;
        } else {
            key += fmt::format("%{:02X}", static_cast<unsigned char>(c));
        }
    }
    if (key.size() <= kMost) return key;
    const std::uint64_t hash = hash_of(key);
    return fmt::format("{}%{:016x}", key.substr(0, kMost - 17), hash);
}

std::string socket_name(const ListenSpec& spec) {
    return std::string(kSocket) + socket_key(spec);
}

bool is_socket_name(std::string_view name) {
    return name.starts_with(kSocket);
}

std::string server_name(const std::string& key) {
    return std::string(kServer) + key;
}

std::optional<std::string> key_of_server(std::string_view name) {
    if (!name.starts_with(kServer) || name.size() == kServer.size()) return std::nullopt;
    return std::string(name.substr(kServer.size()));
}

} // namespace inetd
