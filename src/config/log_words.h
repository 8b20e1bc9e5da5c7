#pragma once

#include <compare>
#include <cstdint>
#include <initializer_list>

namespace inetd {

// What the log may say of a client, in the words of xinetd.conf(5).
enum class LogWord : std::uint8_t { pid, host, userid, exit, duration, traffic, attempt };

class LogWords {
  public:
    constexpr LogWords() = default;
    constexpr LogWords(std::initializer_list<LogWord> words) {
        for (const LogWord word : words)
            add(word);
    }
    constexpr void add(LogWord word) { bits_ |= bit(word); }
    [[nodiscard]] constexpr bool has(LogWord word) const { return (bits_ & bit(word)) != 0; }
    [[nodiscard]] constexpr bool has_any(const LogWords& others) const {
        return (bits_ & others.bits_) != 0;
    }
    [[nodiscard]] constexpr bool empty() const { return bits_ == 0; }
    // NOLINTNEXTLINE(modernize-use-nullptr,readability-implicit-bool-conversion): confinement.h
    friend constexpr auto operator<=>(const LogWords&, const LogWords&) = default;

  private:
    static constexpr unsigned bit(LogWord word) { return 1U << static_cast<unsigned>(word); }
    unsigned bits_ = 0;
};

} // namespace inetd
