#include "base/utf8.h"

namespace inetd {

static unsigned char byte_of(char c) {
    return static_cast<unsigned char>(c);
}

// By the first byte; 0 = no character begins so.
static std::size_t announced(char first) {
    const unsigned char byte = byte_of(first);
    if (byte < 0x80U) return 1;
    if (byte >= 0xC2U && byte < 0xE0U) return 2;
    if (byte >= 0xE0U && byte < 0xF0U) return 3;
    return byte >= 0xF0U && byte < 0xF5U ? 4 : 0;
}

// Neither overlong, nor a surrogate, nor beyond U+10FFFF.
static bool is_right(std::string_view bytes) {
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

std::size_t utf8_length(std::string_view text) {
    if (text.empty()) return 0;
    const std::size_t length = announced(text[0]);
    return length <= text.size() && is_right(text.substr(0, length)) ? length : 0;
}

bool utf8_breaks_off(std::string_view text) {
    return !text.empty() && announced(text[0]) > text.size() && is_right(text);
}

bool is_printable(std::string_view character) {
    if (character.size() == 2)
        return byte_of(character[0]) != 0xC2U || byte_of(character[1]) >= 0xA0U;
    if (character.size() != 1) return true;
    const unsigned char byte = byte_of(character[0]);
    return byte >= ' ' && byte != 0x7FU;
}

} // namespace inetd
