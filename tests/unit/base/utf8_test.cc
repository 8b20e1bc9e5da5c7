#include "base/utf8.h"

#include <doctest/doctest.h>

using namespace inetd;

TEST_CASE("utf8: how long a character is") {
    CHECK(utf8_length("a\xFF") == 1);
    CHECK(utf8_length(std::string_view("\0", 1)) == 1);
    CHECK(utf8_length("ßx") == 2);
    CHECK(utf8_length("€") == 3);
    CHECK(utf8_length("\xF4\x8F\xBF\xBF") == 4);
    for (const char* text : {"", "\x80", "\xC3", "\xC0\xAF", "\xE0\x80\xAF", "\xED\xA0\x80",
                             "\xF4\x90\x80\x80", "\xF8\x80\x80\x80", "\xE2\x82", "\xC3("}) {
        CAPTURE(text);
        CHECK(utf8_length(text) == 0);
    }
}

TEST_CASE("utf8: what may go on") {
    for (const char* text : {"\xC3", "\xE2", "\xE2\x82", "\xF0\x9F\x8C"}) {
        CAPTURE(text);
        CHECK(utf8_breaks_off(text));
    }
    for (const char* text : {"", "a", "ß", "\xFF", "\xE0\x80", "\xE2("}) {
        CAPTURE(text);
        CHECK_FALSE(utf8_breaks_off(text));
    }
}

TEST_CASE("utf8: control characters") {
    for (const char* text : {"a", " ", "ß", "\u00A0", "€"})
        CHECK(is_printable(text));
    for (const char* text : {"\x01", "\x7F", "\u0080", "\u009F", "\n"})
        CHECK_FALSE(is_printable(text));
}
