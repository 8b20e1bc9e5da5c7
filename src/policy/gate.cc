#include "policy/gate.h"

#include <algorithm>
#include <cstring>

namespace inetd {

std::optional<SourceKey> source_of(const SocketAddress& peer) {
    if (!peer.is_ip()) return std::nullopt;
    SourceKey key;
    const SocketAddress plain = peer.unmapped();
    if (plain.family() == AF_INET) {
        // As a mapped address, so that no IPv6 source can be taken for it.
        key.bytes[10] = key.bytes[11] = 0xff;
        std::memcpy(&key.bytes[12], &plain.v4().sin_addr, 4);
    } else if (plain.family() == AF_INET6) {
        std::memcpy(key.bytes.data(), &plain.v6().sin6_addr, 16);
    }
    return key;
}

std::size_t Gate::KeyHash::operator()(const SourceKey& key) const {
    return std::hash<std::string_view>{}(
        {reinterpret_cast<const char*>(key.bytes.data()), key.bytes.size()});
}

Slot::~Slot() {
    if (gate_) gate_->release(source_);
}

Gate::Room Gate::room(const Limits& limits, TimePoint now) {
    Room room;
    room.full = limits.instances != 0 && running_ >= limits.instances;
    if (limits.rate.is_limit()) room.rate = bucket_.wait(limits.rate, now);
    return room;
}

std::variant<Slot, Refusal> Gate::admit(const Limits& limits, const SocketAddress& peer,
                                        TimePoint now) {
    if (limits.overflow == Overflow::refuse) {
        if (const Room left = room(limits, now); !left)
            return refuse(left.full ? Refusal::instances : Refusal::rate);
    }
    std::optional<SourceKey> key;
    keeps_rates_ = limits.source_rate.is_limit();
    if (limits.per_source != 0 || keeps_rates_) key = source_of(peer);
    if (key) {
        if (sources_.size() >= forget_at_) forget_idle(limits, now);
        Source& source = sources_[*key];
        if (limits.per_source != 0 && source.running >= limits.per_source)
            return refuse(Refusal::source_instances);
        if (keeps_rates_ && !source.bucket.take(limits.source_rate, now))
            return refuse(Refusal::source_rate);
        ++source.running;
    }
    if (limits.rate.is_limit()) bucket_.take(limits.rate, now);
    ++running_;
    ++started_;
    return Slot(shared_from_this(), key);
}

Refusal Gate::refuse(Refusal refusal) {
    refused_.add(refusal);
    return refusal;
}

Gate::State Gate::state() const {
    State state{.started = started_, .refused = refused_, .bucket = bucket_.state(), .sources = {}};
    for (const auto& [key, source] : sources_)
        state.sources.emplace_back(key, source.bucket.state());
    return state;
}

void Gate::restore(const State& state) {
    started_ = state.started;
    refused_ = state.refused;
    bucket_ = TokenBucket(state.bucket);
    keeps_rates_ = keeps_rates_ || !state.sources.empty();
    for (const auto& [key, bucket] : state.sources)
        sources_[key].bucket = TokenBucket(bucket);
}

Slot Gate::readmit(const Limits& limits, const SocketAddress& peer) {
    std::optional<SourceKey> key;
    if (limits.per_source != 0 || limits.source_rate.is_limit()) key = source_of(peer);
    if (key) ++sources_[*key].running;
    ++running_;
    return {shared_from_this(), key};
}

void Gate::release(const std::optional<SourceKey>& key) {
    --running_;
    if (key) {
        const auto found = sources_.find(*key);
        if (--found->second.running == 0 && !keeps_rates_) sources_.erase(found);
    }
    if (on_release_) on_release_();
}

// Sources with nothing running and a full bucket are as if they had never come. The table is swept
// each time that it has doubled, so that the cost for one admission stays constant.
void Gate::forget_idle(const Limits& limits, TimePoint now) {
    for (auto item = sources_.begin(); item != sources_.end();) {
        Source& source = item->second;
        const bool idle =
            source.running == 0 && (!keeps_rates_ || source.bucket.full(limits.source_rate, now));
        item = idle ? sources_.erase(item) : std::next(item);
    }
    forget_at_ = std::max<std::size_t>(64, sources_.size() * 2);
}

} // namespace inetd
