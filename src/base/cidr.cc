#include "base/cidr.h"

#include "base/text.h"

#include <algorithm>
#include <cstring>
#include <fmt/core.h>

namespace inetd {

Cidr::Cidr(const SocketAddress& ip, unsigned length) {
    const SocketAddress plain = ip.unmapped();
    v4_ = plain.family() == AF_INET;
    const unsigned most = v4_ ? 32 : 128;
    // A length of the mapped form counts the 96 bits before the IPv4 address too.
    if (v4_ && ip.family() == AF_INET6) length = length > 96 ? length - 96 : 0;
    length_ = static_cast<std::uint8_t>(std::min(length, most));
    if (v4_) {
        std::memcpy(bytes_.data(), &plain.v4().sin_addr, 4);
    } else {
        std::memcpy(bytes_.data(), &plain.v6().sin6_addr, 16);
    }
    for (unsigned i = 0; i < bytes_.size(); ++i) {
        const unsigned left = length_ > i * 8 ? std::min(length_ - i * 8, 8U) : 0;
        bytes_.at(i) &= static_cast<std::uint8_t>(0xff00U >> left);
    }
}

std::optional<Cidr> Cidr::parse(std::string_view text) {
    const auto slash = text.find('/');
    const auto ip = SocketAddress::parse_ip(text.substr(0, slash), 0);
    if (!ip) return std::nullopt;
    if (ip->family() == AF_INET6 && ip->v6().sin6_scope_id != 0) return std::nullopt;
    const unsigned most = ip->family() == AF_INET ? 32 : 128;
    if (slash == std::string_view::npos) return Cidr(*ip, most);
    const auto length = to_number<unsigned>(text.substr(slash + 1), 0, most);
    if (!length) return std::nullopt;
    // A part of the mapped range is IPv4; what is wider than all of it is not mapped at all.
    if (ip->unmapped().family() == AF_INET && ip->family() == AF_INET6 && *length < 96)
        return std::nullopt;
    return Cidr(*ip, *length);
}

bool Cidr::contains(const SocketAddress& ip) const {
    if (!ip.is_ip()) return false;
    const Cidr one(ip.unmapped(), length_);
    return one == *this;
}

std::string Cidr::to_string() const {
    SocketAddress address = v4_ ? SocketAddress::any_v4(0) : SocketAddress::any_v6(0);
    sockaddr_in v4 = address.v4();
    sockaddr_in6 v6 = address.v6();
    std::memcpy(&v4.sin_addr, bytes_.data(), 4);
    std::memcpy(&v6.sin6_addr, bytes_.data(), 16);
    address = v4_ ? SocketAddress(&v4, sizeof v4) : SocketAddress(&v6, sizeof v6);
    return is_host() ? address.host() : fmt::format("{}/{}", address.host(), length_);
}

} // namespace inetd
