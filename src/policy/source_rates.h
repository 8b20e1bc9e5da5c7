#pragma once

#include "config/model.h"
#include "policy/rate.h"
#include "policy/source.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace inetd {

// The token buckets of the sources of one service, in a table that never grows: kWays places in
// each of kSets sets, and a source can only be in the set that its hash says. So a decision looks
// at kWays places, however many clients there are.
//
// What a flood of more sources than there are places can do, and what not:
//
//  1. A bucket that lacks tokens is never given up for another source; only time refills it. So
//     nobody gets rid of what he has used up by coming from many other addresses meanwhile, and a
//     source that has its place is judged by what it did itself, whatever others do.
//  2. A full bucket says no more than a new one, so to forget it changes nothing. Of these the one
//     that was asked for longest ago makes room.
//  3. Where all places of a set are taken by buckets that lack tokens, a newcomer gets none. To let
//     it in free would make a flood the way around the limit; to refuse it would make the flood a
//     way to shut out others. It shares a bucket with the other newcomers of its network: the first
//     16 bits of IPv4, the first 32 of IPv6. So an attack out of one network, and be it a /8 or all
//     the /64s of a provider, uses up the shared buckets of that network, and newcomers from
//     elsewhere find theirs full. A shared bucket is never given up either.
//
// In all, n places let through n times the rate of one source, the kShared shared buckets kShared
// times more, and no source more than its own bucket and a shared one. The hash is keyed, so that
// nobody can choose addresses that fill one set.
//
// Pure: the rate, the prefix and the time are arguments.
class SourceRates {
  public:
    using TimePoint = TokenBucket::Clock::time_point;
    static constexpr std::size_t kWays = 16;
    static constexpr std::size_t kSets = 4096;
    static constexpr std::size_t kShared = 4096;
    static constexpr std::size_t kMost = kWays * kSets; // sources that have a place

    // Takes 2 MiB of address space and, of memory, a page for each part of it that is used. Throws
    // bad_alloc.
    explicit SourceRates(SourcePrefix prefix);

    // Takes a token of the source that `client` is in. Another prefix than before regroups the
    // sources first: those that fall together have used what all of them had. Where the new prefix
    // is the longer one, nobody knows who of them had used it, and they begin anew.
    bool take(const Rate& rate, SourcePrefix prefix, const SourceKey& client, TimePoint now);

    // What lacks tokens, for another table; but for the shared buckets.
    struct State {
        SourcePrefix prefix;
        std::vector<std::pair<SourceKey, TokenBucket::State>> sources;
        friend bool operator==(const State&, const State&) = default;
    };
    [[nodiscard]] State state(const Rate& rate, TimePoint now) const;
    // The sources of a state go to other sets here than there. Where these are too small for them,
    // those are kept that have used most.
    SourceRates(const State& state, const Rate& rate, TimePoint now);

  private:
    // All bytes zero: a place that nobody has.
    struct Place {
        SourceKey source;
        TokenBucket bucket;
    };
    struct Table {
        Place places[kSets][kWays];
        TokenBucket shared[kShared];
    };
    struct Unmap {
        void operator()(Table* table) const;
    };
    using TablePtr = std::unique_ptr<Table, Unmap>;

    static TablePtr map_table();
    [[nodiscard]] std::span<Place, kWays> set_of(const SourceKey& source) const;
    [[nodiscard]] TokenBucket& shared_by(const SourceKey& source) const;
    static Place* find(std::span<Place, kWays> set, const SourceKey& source, const Rate& rate,
                       TimePoint now);
    void add(const SourceKey& source, TokenBucket bucket, const Rate& rate, TimePoint now);
    void regroup(SourcePrefix prefix, const Rate& rate, TimePoint now);

    SourcePrefix prefix_;
    TablePtr table_;
};

} // namespace inetd
