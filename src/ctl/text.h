#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace inetd::ctl {

// Without what would move a terminal's cursor or change its colours, and what is no UTF-8: instead
// of each there is a question mark.
[[nodiscard]] std::string printable(std::string_view text);

// With \n, \r, \t, \0, \\ and \xNN for what is hard to type. Nothing: another backslash.
[[nodiscard]] std::optional<std::string> unescaped(std::string_view text);

// How many columns of a terminal the text takes, if each character takes one.
[[nodiscard]] std::size_t width_of(std::string_view text);
// At most so many columns; what is cut off is an ellipsis.
[[nodiscard]] std::string fitted(std::string_view text, std::size_t width);

// "5 s", "3 min", "2 h 10 min", "4 d 3 h"
[[nodiscard]] std::string duration_text(double seconds);
// "812", "1.2k", "3.4M" bytes
[[nodiscard]] std::string bytes_text(std::uint64_t bytes);
// Seconds since 1970, cut to milliseconds as those of the daemon's events are.
[[nodiscard]] double calendar_now();
// By the calendar, in local time: "2026-01-31 13:05:59"
[[nodiscard]] std::string time_text(double seconds_since_1970);

} // namespace inetd::ctl
