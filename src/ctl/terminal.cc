#include "ctl/terminal.h"

#include "base/text.h"

#include <cstdlib>
#include <sys/ioctl.h>
#include <unistd.h>

namespace inetd::ctl {

static std::string_view variable(const char* name) {
    const char* value = getenv(name);
    return value != nullptr ? value : "";
}

Terminal terminal() {
    constexpr std::size_t kWidest = 10'000;
    Terminal terminal;
    if (isatty(STDOUT_FILENO) != 0) {
        winsize size{};
        if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) terminal.width = size.ws_col;
        const bool dumb = variable("TERM") == "dumb" || variable("TERM").empty();
        terminal.colours = variable("NO_COLOR").empty() && !dumb;
    }
    if (const auto columns = to_number<std::size_t>(variable("COLUMNS"), 1, kWidest))
        terminal.width = *columns;
    return terminal;
}

std::string Terminal::coloured(std::string_view text, Colour colour) const {
    std::string out(text);
    if (!colours || colour == Colour::none || text.empty()) return out;
    const char* code = "1";
    if (colour == Colour::green) code = "32";
    if (colour == Colour::yellow) code = "33";
    if (colour == Colour::red) code = "31";
    return std::string("\033[") + code + "m" + out + "\033[0m";
}

Colour colour_of_state(std::string_view state) {
    if (state == "failed") return Colour::red;
    if (state == "listening" || state == "lent" || state == "muxed" || state == "running")
        return Colour::green;
    return Colour::yellow;
}

} // namespace inetd::ctl
