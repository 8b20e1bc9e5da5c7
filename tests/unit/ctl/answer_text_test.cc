#include "ctl/answer_text.h"

#include <doctest/doctest.h>

using namespace inetd::ctl;

static std::string shown(std::string_view bytes, std::size_t piece) {
    AnswerText text;
    std::string out;
    for (std::size_t i = 0; i < bytes.size(); i += piece)
        out += text.add(bytes.substr(i, piece));
    return out + text.end();
}

TEST_CASE("answer text: the same however it is cut") {
    struct Case {
        std::string_view bytes;
        std::string_view shown;
    };
    for (const auto& [bytes, text] :
         {Case{"220 ready\r\nnext\n\tx", "220 ready\nnext\n\tx"},
          Case{"a\rb\r\r\n", "a\\x0db\\x0d\n"}, Case{"z\r", "z\\x0d"},
          Case{"\xe9\xa1\x05\x12", "\\xe9\\xa1\\x05\\x12"},
          Case{"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x8c\x8d", "grüß € 🌍"},
          Case{"\x1b[2J\x7f", "\\x1b[2J\\x7f"},
          Case{"\xc2\x9b", "\\xc2\\x9b"}, // a control character of ISO 8859
          Case{"\xc0\xaf", "\\xc0\\xaf"}, // overlong
          Case{"\xe0\x80\xaf", "\\xe0\\x80\\xaf"},
          Case{"\xed\xa0\x80", "\\xed\\xa0\\x80"}, // a surrogate
          Case{"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"}, Case{"\xe2\x82", "\\xe2\\x82"}})
        for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
            CAPTURE(text);
            CAPTURE(piece);
            CHECK(shown(bytes, piece) == text);
        }
}

TEST_CASE("answer text: whether a line has ended") {
    AnswerText text;
    CHECK(text.at_line_start());
    CHECK(text.add("x") == "x");
    CHECK_FALSE(text.at_line_start());
    CHECK(text.add("\r").empty());
    CHECK(text.add("\n") == "\n");
    CHECK(text.at_line_start());
}

TEST_CASE("answer text: text or not") {
    CHECK(is_text("grüß\r\n"));
    CHECK(is_text(""));
    CHECK_FALSE(is_text("\xc3"));
    CHECK_FALSE(is_text("\xe9\xa1\x05"));
    CHECK_FALSE(is_text(std::string_view("a\0b", 3)));
}
