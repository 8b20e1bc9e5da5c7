#pragma once

#include "base/address.h"
#include "base/host_names.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <queue>
#include <utility>

namespace inetd {

// What is known of the names of addresses, for a time and for so many. Pure: time is an argument.
class NameCache {
  public:
    using TimePoint = std::chrono::steady_clock::time_point;
    using Duration = std::chrono::steady_clock::duration;
    struct Limits {
        std::size_t entries = 4096;
        Duration known = std::chrono::seconds(60);
        Duration unknown = std::chrono::seconds(5); // it heals as soon as the name service does
    };

    NameCache() = default;
    explicit NameCache(const Limits& limits) : limits_(limits) {}

    // Null: ask. Valid until the next call.
    [[nodiscard]] const HostNames* find(const SocketAddress& address, TimePoint now) const;
    // The oldest gives way.
    void add(const SocketAddress& address, HostNames names, TimePoint now);
    void clear();
    [[nodiscard]] std::size_t size() const { return entries_.size(); }

  private:
    struct Entry {
        HostNames names;
        TimePoint added;
        std::uint64_t place = 0; // its last in order_
    };
    Limits limits_{};
    std::map<SocketAddress, Entry> entries_; // by the address without its port
    std::queue<std::pair<std::uint64_t, SocketAddress>> order_;
    std::uint64_t next_place_ = 0;
};

} // namespace inetd
