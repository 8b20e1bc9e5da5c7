#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace inetd {

// Text for HTML, in an element or in an attribute in quotes. What is no UTF-8, and control
// characters, become U+FFFD.
[[nodiscard]] std::string html_text(std::string_view text);

// "1,234,567"
[[nodiscard]] std::string html_number(std::uint64_t number);

} // namespace inetd
