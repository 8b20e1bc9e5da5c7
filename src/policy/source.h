#pragma once

#include "base/address.h"
#include "config/model.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace inetd {

// The address by which a client is known, without its port: the 16 bytes of IPv6, IPv4 mapped into
// it. What counts as one source is the part of it that a prefix leaves.
struct SourceKey {
    std::array<std::uint8_t, 16> bytes{};

    [[nodiscard]] bool is_v4() const;
    // Without the bits that `prefix` does not count.
    [[nodiscard]] SourceKey within(SourcePrefix prefix) const;

    friend bool operator==(const SourceKey&, const SourceKey&) = default;
};

// Nothing for peers of other families, which limits of a source do not apply to.
[[nodiscard]] std::optional<SourceKey> address_key(const SocketAddress& peer);

// For tables of sources: with the key of the process, as strangers choose what is hashed.
struct SourceHash {
    std::size_t operator()(const SourceKey& key) const;
};

} // namespace inetd
