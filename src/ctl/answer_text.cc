#include "ctl/answer_text.h"

#include "base/utf8.h"

#include <fmt/format.h>
#include <utility>

namespace inetd::ctl {

std::string AnswerText::shown(std::string_view bytes, bool is_all) {
    std::string out;
    for (std::size_t i = 0; i < bytes.size();) {
        const std::string_view rest = bytes.substr(i);
        if (rest[0] == '\r' && rest.size() == 1 && !is_all) {
            kept_ = rest;
            break;
        }
        // The end of a line in most protocols.
        if (rest.starts_with("\r\n")) {
            ++i;
            continue;
        }
        if (utf8_breaks_off(rest) && !is_all) {
            kept_ = rest;
            break;
        }
        const std::size_t length = utf8_length(rest);
        const std::string_view character = rest.substr(0, length);
        const bool harmless = character == "\n" || character == "\t" || is_printable(character);
        if (length != 0 && harmless) {
            out += character;
            i += length;
        } else {
            out += fmt::format("\\x{:02x}", static_cast<unsigned char>(rest[0]));
            ++i;
        }
    }
    if (!out.empty()) at_line_start_ = out.back() == '\n';
    return out;
}

std::string AnswerText::add(std::string_view bytes) {
    std::string all = std::exchange(kept_, {});
    all += bytes;
    return shown(all, false);
}

std::string AnswerText::end() {
    return shown(std::exchange(kept_, {}), true);
}

bool is_text(std::string_view bytes) {
    while (!bytes.empty()) {
        const std::size_t length = utf8_length(bytes);
        if (length == 0 || bytes[0] == '\0') return false;
        bytes.remove_prefix(length);
    }
    return true;
}

} // namespace inetd::ctl
