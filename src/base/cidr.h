#pragma once

#include "base/address.h"

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace inetd {

// A network of IPv4 or IPv6: an address and how many of its first bits count. What is IPv4 mapped
// into IPv6 is IPv4 here. A pure value.
class Cidr {
  public:
    using Bytes = std::array<std::uint8_t, 16>; // IPv4 in the first four, network order

    // Of the address `ip`, which must be of IPv4 or IPv6; bits beyond `length` are cleared.
    Cidr(const SocketAddress& ip, unsigned length);
    // "192.0.2.0/24", "2001:db8::/32", "::ffff:192.0.2.0/120", or an address alone.
    static std::optional<Cidr> parse(std::string_view text);

    [[nodiscard]] bool is_v4() const { return v4_; }
    [[nodiscard]] unsigned length() const { return length_; }
    // Whether it is of one address only.
    [[nodiscard]] bool is_host() const { return length_ == (v4_ ? 32U : 128U); }
    [[nodiscard]] const Bytes& bytes() const { return bytes_; }
    [[nodiscard]] bool contains(const SocketAddress& ip) const;
    // "192.0.2.0/24"; without the length where that is all of the address.
    [[nodiscard]] std::string to_string() const;

    // clang-tidy 14 takes the 0 that this is compared with for something of ours.
    // NOLINTNEXTLINE(modernize-use-nullptr,readability-implicit-bool-conversion)
    friend auto operator<=>(const Cidr&, const Cidr&) = default;

  private:
    Bytes bytes_{};
    std::uint8_t length_ = 0;
    bool v4_ = false;
};

} // namespace inetd
