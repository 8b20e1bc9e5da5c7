#pragma once

#include "base/address.h"
#include "policy/source.h"

#include <chrono>
#include <cstddef>
#include <map>
#include <unordered_map>
#include <utility>
#include <vector>

namespace inetd {

// Sources that every service refuses for a time, because they touched a sensor. What is one source
// is as limits have it by default, and the same for all services. Loopback is never one, for it
// would shut out this machine itself. Bounded: where there are too many, the one whose time is up
// soonest gives way. Time is an argument.
class Outcasts {
  public:
    using TimePoint = std::chrono::steady_clock::time_point;
    using Duration = std::chrono::steady_clock::duration;
    static constexpr std::size_t kMost = 10240;

    // False if this peer can be no outcast. One that is already stays so for the longer time.
    bool add(const SocketAddress& peer, Duration how_long, TimePoint now);
    [[nodiscard]] bool contains(const SocketAddress& peer, TimePoint now);
    [[nodiscard]] std::size_t size() const { return until_.size(); }

    // Who is shut out until when, for another process.
    using State = std::vector<std::pair<SourceKey, TimePoint>>;
    [[nodiscard]] State state() const;
    void restore(const State& state, TimePoint now);

  private:
    using ByEnd = std::multimap<TimePoint, SourceKey>;

    void forget(TimePoint now);
    void add(const SourceKey& source, TimePoint until);

    ByEnd ends_;
    std::unordered_map<SourceKey, ByEnd::iterator, SourceHash> until_;
};

} // namespace inetd
