#include "base/siphash.h"

#include <bit>
#include <random>
#include <sys/random.h>

namespace inetd {

namespace {

class State {
  public:
    explicit State(const SipKey& key)
        : v0_(0x736f6d6570736575 ^ key.low),
          v1_(0x646f72616e646f6d ^ key.high),
          v2_(0x6c7967656e657261 ^ key.low),
          v3_(0x7465646279746573 ^ key.high) {}

    void take(std::uint64_t word) {
        v3_ ^= word;
        rounds(2);
        v0_ ^= word;
    }
    std::uint64_t finish() {
        v2_ ^= 0xff;
        rounds(4);
        return v0_ ^ v1_ ^ v2_ ^ v3_;
    }

  private:
    void rounds(int count) {
        for (; count > 0; --count) {
            v0_ += v1_;
            v2_ += v3_;
            v1_ = std::rotl(v1_, 13) ^ v0_;
            v3_ = std::rotl(v3_, 16) ^ v2_;
            v0_ = std::rotl(v0_, 32);
            v2_ += v1_;
            v0_ += v3_;
            v1_ = std::rotl(v1_, 17) ^ v2_;
            v3_ = std::rotl(v3_, 21) ^ v0_;
            v2_ = std::rotl(v2_, 32);
        }
    }

    std::uint64_t v0_;
    std::uint64_t v1_;
    std::uint64_t v2_;
    std::uint64_t v3_;
};

// Little-endian, as SipHash has it.
std::uint64_t word_of(const unsigned char* bytes, std::size_t size) {
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < size; ++i)
        word |= std::uint64_t{bytes[i]} << (8 * i);
    return word;
}

SipKey random_key() {
    SipKey key;
    // Early in the boot the kernel may not be able to yet, and the daemon does not wait for it.
    if (getrandom(&key, sizeof key, GRND_NONBLOCK) == sizeof key) return key;
    std::random_device device;
    key.low = std::uint64_t{device()} << 32 | device();
    key.high = std::uint64_t{device()} << 32 | device();
    return key;
}

} // namespace

std::uint64_t siphash(const SipKey& key, const void* data, std::size_t size) {
    const auto* bytes = static_cast<const unsigned char*>(data);
    State state(key);
    for (std::size_t left = size; left >= 8; left -= 8, bytes += 8)
        state.take(word_of(bytes, 8));
    state.take(std::uint64_t{size & 0xff} << 56 | word_of(bytes, size % 8));
    return state.finish();
}

const SipKey& process_sip_key() {
    static const SipKey key = random_key();
    return key;
}

} // namespace inetd
