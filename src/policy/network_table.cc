#include "policy/network_table.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cstring>
#include <endian.h>
#include <limits>
#include <tuple>
#include <type_traits>

namespace inetd {

namespace {

using Key = std::array<std::uint64_t, 2>;

constexpr std::uint64_t kOnes = std::numeric_limits<std::uint64_t>::max();

Key key_of(const Cidr& network) {
    Key key{};
    const std::size_t size = network.is_v4() ? 4 : 16;
    for (std::size_t i = 0; i < size; ++i) {
        key[0] = network.is_v4() ? 0 : key[0] << 8 | key[1] >> 56;
        key[1] = key[1] << 8 | network.bytes()[i];
    }
    return key;
}

// The last address of the network: all bits that do not count are set.
Key last_of(const Cidr& network) {
    const unsigned free = (network.is_v4() ? 32 : 128) - network.length();
    Key key = key_of(network);
    if (free > 64) key[0] |= kOnes >> (128 - free);
    if (free > 0) key[1] |= free >= 64 ? kOnes : kOnes >> (64 - free);
    return key;
}

Key after(Key key) {
    if (++key[1] == 0) ++key[0];
    return key;
}

template<typename First>
First narrow(const Key& key) {
    if constexpr (std::is_same_v<First, Key>)
        return key;
    else
        return static_cast<First>(key[1]);
}

} // namespace

template<typename First>
void NetworkTable::Spans<First>::add(First first, Match match) {
    if (!firsts.empty() && firsts.back() == first) {
        matches.back() = match;
        return;
    }
    firsts.push_back(first);
    matches.push_back(match);
}

template<typename First>
std::optional<NetworkTable::Match> NetworkTable::Spans<First>::find(First address) const {
    const auto next = std::upper_bound(firsts.begin(), firsts.end(), address);
    if (next == firsts.begin()) return {};
    const Match match = matches[static_cast<std::size_t>(next - firsts.begin() - 1)];
    if (match.value == 0) return {};
    return match;
}

template<typename First>
NetworkTable::Spans<First> NetworkTable::cut(std::vector<Network> networks) {
    // One that is in another comes after it.
    std::sort(networks.begin(), networks.end(), [](const Network& a, const Network& b) {
        return std::tie(a.first, a.length) < std::tie(b.first, b.length);
    });
    Spans<First> spans;
    std::vector<Network> around;
    const auto leave = [&] {
        const Key last = around.back().last;
        around.pop_back();
        // After the last address of all there is nothing.
        if (narrow<First>(after(last)) == First{}) return;
        spans.add(narrow<First>(after(last)), around.empty() ? Match{} : around.back().match);
    };
    for (Network& network : networks) {
        while (!around.empty() && around.back().last < network.first)
            leave();
        if (!around.empty() && around.back().first == network.first &&
            around.back().length == network.length) {
            around.back().match.value |= network.match.value;
            network.match = around.back().match;
        } else {
            around.push_back(network);
        }
        spans.add(narrow<First>(network.first), network.match);
    }
    while (!around.empty())
        leave();
    spans.firsts.shrink_to_fit();
    spans.matches.shrink_to_fit();
    return spans;
}

NetworkTable::NetworkTable(const std::vector<std::pair<Cidr, Value>>& networks) {
    std::vector<Network> v4;
    std::vector<Network> v6;
    for (const auto& [network, value] : networks)
        (network.is_v4() ? v4 : v6)
            .push_back({key_of(network),
                        last_of(network),
                        network.length(),
                        {.value = value, .is_host = network.is_host()}});
    v4_ = cut<std::uint32_t>(std::move(v4));
    v6_ = cut<Key>(std::move(v6));
}

std::optional<NetworkTable::Match> NetworkTable::find(const SocketAddress& ip) const {
    const SocketAddress plain = ip.unmapped();
    if (plain.family() == AF_INET) return v4_.find(ntohl(plain.v4().sin_addr.s_addr));
    if (plain.family() != AF_INET6) return {};
    Key key{};
    std::memcpy(key.data(), &plain.v6().sin6_addr, sizeof key);
    return v6_.find({be64toh(key[0]), be64toh(key[1])});
}

} // namespace inetd
