#include "policy/source.h"

#include "base/siphash.h"

#include <algorithm>
#include <cstring>

namespace inetd {

static constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool SourceKey::is_v4() const {
    return std::equal(kMapped.begin(), kMapped.end(), bytes.begin());
}

SourceKey SourceKey::within(SourcePrefix prefix) const {
    const unsigned length = is_v4() ? kMapped.size() * 8 + prefix.v4 : prefix.v6;
    SourceKey source = *this;
    for (unsigned i = length / 8; i < bytes.size(); ++i) {
        const unsigned left = i == length / 8 ? length % 8 : 0;
        source.bytes.at(i) &= static_cast<std::uint8_t>(0xff00U >> left);
    }
    return source;
}

std::optional<SourceKey> address_key(const SocketAddress& peer) {
    if (!peer.is_ip()) return std::nullopt;
    SourceKey key;
    const SocketAddress plain = peer.unmapped();
    if (plain.family() == AF_INET) {
        std::copy(kMapped.begin(), kMapped.end(), key.bytes.begin());
        std::memcpy(&key.bytes[kMapped.size()], &plain.v4().sin_addr, 4);
    } else {
        std::memcpy(key.bytes.data(), &plain.v6().sin6_addr, 16);
    }
    return key;
}

std::size_t SourceHash::operator()(const SourceKey& key) const {
    return siphash(process_sip_key(), key.bytes.data(), key.bytes.size());
}

} // namespace inetd
