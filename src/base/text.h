#pragma once

#include <charconv>
#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace inetd {

// The whole of `text` as a decimal number within [min, max]; nothing for anything else.
template<std::integral T>
std::optional<T> to_number(std::string_view text, T min, T max) {
    T value{};
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc{} || stop != end || value < min || value > max) return std::nullopt;
    return value;
}

// The pieces between separators; always at least one, possibly empty.
std::vector<std::string_view> split(std::string_view text, char separator);

// Without the blanks and tabs at both ends.
std::string_view trimmed(std::string_view text);

// Letters of ASCII count as equal whatever their case is.
bool equal_but_for_case(std::string_view a, std::string_view b);

// Printable ASCII as it is; everything else, quotes and backslashes as \xNN or \" and \\: for text
// of a peer in a log line.
std::string escaped(std::string_view text);

// Text as a string of libconfig, in quotes.
std::string string_literal(std::string_view text);

// The candidate nearest to `word` by edit distance, if it is near enough to be what was meant.
std::optional<std::string_view> did_you_mean(std::string_view word,
                                             const std::vector<std::string_view>& candidates);

} // namespace inetd
