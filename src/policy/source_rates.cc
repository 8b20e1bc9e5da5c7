#include "policy/source_rates.h"

#include <algorithm>
#include <new>
#include <sys/mman.h>
#include <type_traits>

namespace inetd {

// The networks whose newcomers share a bucket where there is no place for them.
static constexpr SourcePrefix kNetworks{.v4 = 16, .v6 = 32};

void SourceRates::Unmap::operator()(Table* table) const {
    munmap(table, sizeof(Table));
}

// Fresh pages are zero and cost no memory until they are written to; and all of it goes back.
SourceRates::TablePtr SourceRates::map_table() {
    static_assert(std::is_trivially_copyable_v<Table> && std::is_trivially_destructible_v<Table>);
    static_assert(sizeof(Place) == 32);
    void* table = mmap(nullptr, sizeof(Table), PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (table == MAP_FAILED) throw std::bad_alloc();
    return TablePtr(static_cast<Table*>(table));
}

SourceRates::SourceRates(SourcePrefix prefix) : prefix_(prefix), table_(map_table()) {}

SourceRates::SourceRates(const State& state, const Rate& rate, TimePoint now)
    : SourceRates(state.prefix) {
    for (const auto& [source, bucket] : state.sources)
        add(source.within(prefix_), TokenBucket(bucket), rate, now);
}

std::span<SourceRates::Place, SourceRates::kWays>
SourceRates::set_of(const SourceKey& source) const {
    return table_->places[SourceHash()(source) % kSets];
}

TokenBucket& SourceRates::shared_by(const SourceKey& source) const {
    return table_->shared[SourceHash()(source.within(kNetworks)) % kShared];
}

// The place of the source, a fresh one if need be; null if there is none.
SourceRates::Place* SourceRates::find(std::span<Place, kWays> set, const SourceKey& source,
                                      const Rate& rate, TimePoint now) {
    for (Place& place : set)
        if (place.source == source) return &place;
    Place* spare = nullptr;
    for (Place& place : set) {
        if (!place.bucket.full(rate, now)) continue;
        if (spare == nullptr || place.bucket.state().filled < spare->bucket.state().filled)
            spare = &place;
    }
    if (spare != nullptr) *spare = {.source = source, .bucket = {}};
    return spare;
}

bool SourceRates::take(const Rate& rate, SourcePrefix prefix, const SourceKey& client,
                       TimePoint now) {
    if (prefix != prefix_) regroup(prefix, rate, now);
    const SourceKey source = client.within(prefix_);
    Place* place = find(set_of(source), source, rate, now);
    TokenBucket& bucket = place != nullptr ? place->bucket : shared_by(source);
    return bucket.take(rate, now);
}

void SourceRates::add(const SourceKey& source, TokenBucket bucket, const Rate& rate,
                      TimePoint now) {
    if (bucket.full(rate, now)) return;
    const auto set = set_of(source);
    if (Place* place = find(set, source, rate, now)) return place->bucket.absorb(bucket, rate, now);
    const auto used = [&](const TokenBucket& of) { return of.used(rate, now); };
    Place& least = *std::min_element(set.begin(), set.end(), [&](const auto& a, const auto& b) {
        return used(a.bucket) < used(b.bucket);
    });
    if (used(least.bucket) < used(bucket)) least = {.source = source, .bucket = bucket};
}

void SourceRates::regroup(SourcePrefix prefix, const Rate& rate, TimePoint now) {
    SourceRates regrouped(prefix);
    for (const auto& set : table_->places) {
        for (const Place& place : set) {
            const bool v4 = place.source.is_v4();
            if (v4 ? prefix.v4 > prefix_.v4 : prefix.v6 > prefix_.v6) continue;
            regrouped.add(place.source.within(prefix), place.bucket, rate, now);
        }
    }
    *this = std::move(regrouped);
}

SourceRates::State SourceRates::state(const Rate& rate, TimePoint now) const {
    State state{.prefix = prefix_, .sources = {}};
    for (const auto& set : table_->places) {
        for (const Place& place : set)
            if (!place.bucket.full(rate, now))
                state.sources.emplace_back(place.source, place.bucket.state());
    }
    return state;
}

} // namespace inetd
