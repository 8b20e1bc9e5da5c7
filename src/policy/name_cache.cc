#include "policy/name_cache.h"

namespace inetd {

static SocketAddress key_of(const SocketAddress& address) {
    SocketAddress key = address.unmapped();
    key.set_port(0);
    return key;
}

const HostNames* NameCache::find(const SocketAddress& address, TimePoint now) const {
    const auto found = entries_.find(key_of(address));
    if (found == entries_.end()) return nullptr;
    const Entry& entry = found->second;
    const bool known = entry.names.state == HostNames::State::known;
    return now - entry.added < (known ? limits_.known : limits_.unknown) ? &entry.names : nullptr;
}

void NameCache::add(const SocketAddress& address, HostNames names, TimePoint now) {
    const SocketAddress key = key_of(address);
    const std::uint64_t place = next_place_++;
    entries_[key] = {std::move(names), now, place};
    order_.emplace(place, key);
    // An address that was asked for again stands in the queue twice; the younger place counts.
    while (entries_.size() > limits_.entries || order_.size() > 2 * limits_.entries) {
        const auto& [its_place, oldest] = order_.front();
        const auto found = entries_.find(oldest);
        if (found != entries_.end() && found->second.place == its_place) entries_.erase(found);
        order_.pop();
    }
}

void NameCache::clear() {
    entries_.clear();
    order_ = {};
}

} // namespace inetd
