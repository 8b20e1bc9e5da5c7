#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace inetd {

inline constexpr std::uint64_t kUnlimited = ~std::uint64_t{0}; // as setrlimit(2) has it

// A whole number, with `bytes` followed by k, m, g or t for powers of 1024 if at all, or
// "unlimited". Below 2^63.
[[nodiscard]] std::optional<std::uint64_t> parse_amount(std::string_view text, bool bytes);

// The shortest text that parse_amount() reads as this.
[[nodiscard]] std::string amount_text(std::uint64_t amount, bool bytes);

} // namespace inetd
