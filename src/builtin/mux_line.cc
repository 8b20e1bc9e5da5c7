#include "builtin/mux_line.h"

#include "base/text.h"

#include <algorithm>

namespace inetd {

static std::string_view without_end(std::string_view line) {
    if (line.ends_with('\n')) line.remove_suffix(1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
}

std::size_t MuxLine::share_of(std::string_view waiting) {
    const std::size_t end = waiting.find('\n');
    return end == std::string_view::npos ? waiting.size() : end + 1;
}

MuxLine::State MuxLine::take(std::string_view bytes) {
    text_ += bytes.substr(0, room());
    if (!text_.ends_with('\n')) return room() > 0 ? State::more : State::too_long;
    return without_end(text_).size() > kLongestName ? State::too_long : State::complete;
}

bool is_mux_help(std::string_view name) {
    return equal_but_for_case(name, "help");
}

bool is_mux_name(std::string_view name) {
    const auto printable = [](char c) { return c > ' ' && c <= '~'; };
    return !name.empty() && name.size() <= MuxLine::kLongestName &&
           std::all_of(name.begin(), name.end(), printable) && !is_mux_help(name);
}

MuxRequest parse_mux_line(std::string_view line) {
    if (!line.ends_with('\n')) return {};
    const std::string_view name = without_end(line);
    if (is_mux_help(name)) return {.kind = MuxRequest::Kind::help};
    if (!is_mux_name(name)) return {};
    return {.kind = MuxRequest::Kind::service, .name = std::string(name)};
}

} // namespace inetd
