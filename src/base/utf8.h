#pragma once

#include <cstddef>
#include <string_view>

namespace inetd {

// How many bytes the character takes that the text begins with (RFC 3629); 0 = it begins with none,
// or the text ends within it.
[[nodiscard]] std::size_t utf8_length(std::string_view text);
// Whether the text ends within a character that was right until there.
[[nodiscard]] bool utf8_breaks_off(std::string_view text);

// Not one of the control characters, U+0000 to U+001F and U+007F to U+009F. Of one whole character.
[[nodiscard]] bool is_printable(std::string_view character);

} // namespace inetd
