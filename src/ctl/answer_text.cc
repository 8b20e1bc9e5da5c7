#include "ctl/answer_text.h"

#include <fmt/format.h>
#include <utility>

namespace inetd::ctl {

static unsigned char byte_of(char c) {
    return static_cast<unsigned char>(c);
}

// How many bytes a character takes that begins so; 0 = none begins so.
static std::size_t length_of(char first) {
    const unsigned char byte = byte_of(first);
    if (byte < 0x80U) return 1;
    if (byte >= 0xC2U && byte < 0xE0U) return 2;
    if (byte >= 0xE0U && byte < 0xF0U) return 3;
    return byte >= 0xF0U && byte < 0xF5U ? 4 : 0;
}

// RFC 3629: neither overlong, nor a surrogate, nor beyond U+10FFFF.
static bool is_character(std::string_view bytes) {
    for (std::size_t i = 1; i < bytes.size(); ++i)
        if ((byte_of(bytes[i]) & 0xC0U) != 0x80U) return false;
    if (bytes.size() < 2) return true;
    const unsigned char second = byte_of(bytes[1]);
    switch (byte_of(bytes[0])) {
    case 0xE0U:
        return second >= 0xA0U;
    case 0xEDU:
        return second < 0xA0U;
    case 0xF0U:
        return second >= 0x90U;
    case 0xF4U:
        return second < 0x90U;
    default:
        return true;
    }
}

// U+0080 to U+009F are control characters as well.
static bool is_harmless(std::string_view character) {
    if (character.size() == 2)
        return byte_of(character[0]) != 0xC2U || byte_of(character[1]) >= 0xA0U;
    if (character.size() > 1) return true;
    const unsigned char byte = byte_of(character[0]);
    return (byte >= ' ' && byte < 0x7FU) || byte == '\n' || byte == '\t';
}

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
        const std::size_t length = length_of(rest[0]);
        if (length > rest.size() && is_character(rest) && !is_all) {
            kept_ = rest;
            break;
        }
        const std::string_view character = rest.substr(0, length);
        if (length != 0 && character.size() == length && is_character(character) &&
            is_harmless(character)) {
            out += character;
            i += length;
        } else {
            out += fmt::format("\\x{:02x}", byte_of(rest[0]));
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
        const std::size_t length = length_of(bytes[0]);
        if (length == 0 || length > bytes.size() || bytes[0] == '\0') return false;
        if (!is_character(bytes.substr(0, length))) return false;
        bytes.remove_prefix(length);
    }
    return true;
}

} // namespace inetd::ctl
