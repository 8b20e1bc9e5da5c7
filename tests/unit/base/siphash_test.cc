#include "base/siphash.h"

#include <array>
#include <doctest/doctest.h>

using namespace inetd;

TEST_CASE("siphash gives what its authors' test vectors say") {
    std::array<unsigned char, 64> bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = static_cast<unsigned char>(i);
    const SipKey key{.low = 0x0706050403020100, .high = 0x0f0e0d0c0b0a0908};
    CHECK(siphash(key, bytes.data(), 0) == 0x726fdb47dd0e0e31);
    CHECK(siphash(key, bytes.data(), 1) == 0x74f839c593dc67fd);
    CHECK(siphash(key, bytes.data(), 8) == 0x93f5f5799a932462);
    CHECK(siphash(key, bytes.data(), 15) == 0xa129ca6149be45e5);
    CHECK(siphash(key, bytes.data(), 16) == 0x3f2acc7f57c29bdb);
}

TEST_CASE("the key of the process stays the same") {
    const SipKey& key = process_sip_key();
    CHECK((key.low | key.high) != 0);
    CHECK(&key == &process_sip_key());
}
