#include "policy/outcasts.h"

#include <algorithm>
#include <functional>
#include <string_view>

namespace inetd {

static std::optional<SourceKey> key_of(const SocketAddress& peer) {
    if (!peer.is_ip() || peer.is_loopback()) return std::nullopt;
    auto key = source_of(peer);
    if (key && peer.unmapped().family() == AF_INET6)
        std::fill(key->bytes.begin() + 8, key->bytes.end(), std::uint8_t{0});
    return key;
}

std::size_t Outcasts::Hash::operator()(const SourceKey& key) const {
    return std::hash<std::string_view>{}(
        {reinterpret_cast<const char*>(key.bytes.data()), key.bytes.size()});
}

void Outcasts::forget(TimePoint now) {
    while (!ends_.empty() && ends_.begin()->first <= now) {
        until_.erase(ends_.begin()->second);
        ends_.erase(ends_.begin());
    }
}

bool Outcasts::add(const SocketAddress& peer, Duration how_long, TimePoint now) {
    const auto key = key_of(peer);
    if (!key) return false;
    forget(now);
    TimePoint until = now + how_long;
    if (const auto known = until_.find(*key); known != until_.end()) {
        until = std::max(until, known->second->first);
        ends_.erase(known->second);
        until_.erase(known);
    }
    if (until_.size() >= kMost) {
        until_.erase(ends_.begin()->second);
        ends_.erase(ends_.begin());
    }
    until_.emplace(*key, ends_.emplace(until, *key));
    return true;
}

bool Outcasts::contains(const SocketAddress& peer, TimePoint now) {
    if (until_.empty()) return false;
    forget(now);
    const auto key = key_of(peer);
    return key && until_.contains(*key);
}

} // namespace inetd
