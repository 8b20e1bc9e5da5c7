#include "policy/outcasts.h"

#include <algorithm>

namespace inetd {

static std::optional<SourceKey> source_of(const SocketAddress& peer) {
    const auto key = peer.is_loopback() ? std::nullopt : address_key(peer);
    return key ? std::optional(key->within(SourcePrefix())) : std::nullopt;
}

void Outcasts::forget(TimePoint now) {
    while (!ends_.empty() && ends_.begin()->first <= now) {
        until_.erase(ends_.begin()->second);
        ends_.erase(ends_.begin());
    }
}

bool Outcasts::add(const SocketAddress& peer, Duration how_long, TimePoint now) {
    const auto source = source_of(peer);
    if (!source) return false;
    forget(now);
    add(*source, now + how_long);
    return true;
}

void Outcasts::add(const SourceKey& source, TimePoint until) {
    if (const auto known = until_.find(source); known != until_.end()) {
        until = std::max(until, known->second->first);
        ends_.erase(known->second);
        until_.erase(known);
    }
    if (until_.size() >= kMost) {
        until_.erase(ends_.begin()->second);
        ends_.erase(ends_.begin());
    }
    until_.emplace(source, ends_.emplace(until, source));
}

bool Outcasts::contains(const SocketAddress& peer, TimePoint now) {
    if (until_.empty()) return false;
    forget(now);
    const auto source = source_of(peer);
    return source && until_.contains(*source);
}

Outcasts::State Outcasts::state() const {
    State state;
    state.reserve(ends_.size());
    for (const auto& [until, source] : ends_)
        state.emplace_back(source, until);
    return state;
}

void Outcasts::restore(const State& state, TimePoint now) {
    for (const auto& [source, until] : state)
        add(source, until);
    forget(now);
}

} // namespace inetd
