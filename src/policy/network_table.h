#pragma once

#include "base/cidr.h"

#include <array>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace inetd {

// Which of thousands of networks an address is in, the longest prefix counting. The networks are
// cut into spans that do not overlap, so that a look-up is one binary search, however many lengths
// of prefixes there are, in memory that the caches hold.
class NetworkTable {
  public:
    using Value = std::uint8_t;
    struct Match {
        Value value = 0;
        bool is_host = false; // the network is that address alone
    };

    NetworkTable() = default;
    // A network that is there twice has the values of both, or'ed. None may be 0.
    explicit NetworkTable(const std::vector<std::pair<Cidr, Value>>& networks);

    [[nodiscard]] std::optional<Match> find(const SocketAddress& ip) const;

  private:
    using Key = std::array<std::uint64_t, 2>; // IPv4 in the second
    // What begins at each of `firsts`; a value of 0 belongs to no network.
    template<typename First>
    struct Spans {
        std::vector<First> firsts;
        std::vector<Match> matches;

        void add(First first, Match match);
        [[nodiscard]] std::optional<Match> find(First address) const;
    };
    struct Network {
        Key first;
        Key last;
        unsigned length;
        Match match;
    };

    template<typename First>
    static Spans<First> cut(std::vector<Network> networks);

    Spans<std::uint32_t> v4_;
    Spans<Key> v6_;
};

} // namespace inetd
