#include "server/html.h"

#include "base/utf8.h"

#include <fmt/core.h>

namespace inetd {

static constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

static std::string_view entity_of(char c) {
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return {};
    }
}

std::string html_text(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const std::size_t length = utf8_length(text);
        const bool shown = length != 0 && is_printable(text.substr(0, length));
        const std::string_view entity = entity_of(text[0]);
        if (!shown) {
            out += kReplacement;
        } else if (!entity.empty()) {
            out += entity;
        } else {
            out += text.substr(0, length);
        }
        text.remove_prefix(length == 0 ? 1 : length);
    }
    return out;
}

std::string html_number(std::uint64_t number) {
    std::string digits = fmt::format("{}", number);
    for (std::size_t at = digits.size(); at > 3;) {
        at -= 3;
        digits.insert(at, 1, ',');
    }
    return digits;
}

} // namespace inetd
