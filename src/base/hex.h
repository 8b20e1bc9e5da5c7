#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace inetd {

// Any bytes, as two hexadecimal digits each, in lower case.
[[nodiscard]] std::string hex(std::string_view bytes);
// The bytes again; nothing for a text that hex() would not give.
[[nodiscard]] std::optional<std::string> bytes_of_hex(std::string_view text);

} // namespace inetd
