#pragma once

#include "config/model.h"

#include <array>
#include <cstddef>
#include <ctime>
#include <string>
#include <string_view>

// What the built-in services say, as values.
namespace inetd {

// The time of day in seconds. Not time(2), which the vDSO answers from the last tick of the
// kernel's clock: a client that looks at its own first would be told of a second that is over.
[[nodiscard]] std::time_t wall_clock();

// "Fri Nov 20 18:40:12 2026\r\n", local time (RFC 867 leaves the form open; this is ctime's).
[[nodiscard]] std::string daytime_text(std::time_t now);

// Seconds since 1900 as 32 bits in network order (RFC 868); they wrap around in 2036.
[[nodiscard]] std::array<char, 4> time_bytes(std::time_t now);

// RFC 864: lines of 72 of the 95 printable ASCII characters and CR LF, each line one on from the
// line before, so that the pattern repeats after 95 lines.
inline constexpr std::size_t kChargenLine = 74;
inline constexpr std::size_t kChargenCycle = 95 * kChargenLine;
// Of one datagram.
inline constexpr std::size_t kChargenDatagram = 512;

// Line `number` counted from 0, CR LF included.
[[nodiscard]] std::string_view chargen_line(std::size_t number);

// The pattern from its start, a whole number of cycles (about a quarter of a MiB); made when it is
// first asked for.
[[nodiscard]] std::string_view chargen_block();

} // namespace inetd
