#pragma once

#include <cstddef>
#include <cstdint>

namespace inetd {

struct SipKey {
    std::uint64_t low = 0;
    std::uint64_t high = 0;
};

// SipHash-2-4 (Aumasson, Bernstein, 2012): who does not know the key cannot find bytes that
// collide. For tables whose keys strangers choose; std::hash is no help there, as its seed is in
// its source.
[[nodiscard]] std::uint64_t siphash(const SipKey& key, const void* data, std::size_t size);

// A random key, another one in each process.
[[nodiscard]] const SipKey& process_sip_key();

} // namespace inetd
