#include "builtin/mux_line.h"

namespace inetd {

std::size_t MuxLine::share_of(std::string_view waiting) {
    const std::size_t end = waiting.find('\n');
    return end == std::string_view::npos ? waiting.size() : end + 1;
}

MuxLine::State MuxLine::take(std::string_view bytes) {
    text_ += bytes.substr(0, room());
    if (!text_.ends_with('\n')) return room() > 0 ? State::more : State::too_long;
    return name().size() > kLongestName ? State::too_long : State::complete;
}

std::string_view MuxLine::name() const {
    std::string_view name = text_;
    if (name.ends_with('\n')) name.remove_suffix(1);
    if (name.ends_with('\r')) name.remove_suffix(1);
    return name;
}

} // namespace inetd
