#pragma once

#include <string>
#include <string_view>

namespace inetd {

// The file status_page.css.
extern const std::string_view kStatusStyle;
// Its SHA-256 as Content-Security-Policy has it: "sha256-..." (CSP level 3, 2.3.1).
[[nodiscard]] std::string status_style_hash();

} // namespace inetd
