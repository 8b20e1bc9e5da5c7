#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace inetd::ctl {

enum class Colour { none, bold, green, yellow, red };

// Where output goes.
struct Terminal {
    std::size_t width = 0; // columns; 0 = no limit, for what is no terminal
    bool colours = false;  // never where NO_COLOR is set, https://no-color.org

    [[nodiscard]] std::string coloured(std::string_view text, Colour colour) const;
};

// Standard output. COLUMNS has the last word on its width.
[[nodiscard]] Terminal terminal();

// How a state of a service or of a socket looks.
[[nodiscard]] Colour colour_of_state(std::string_view state);

} // namespace inetd::ctl
