#include "ctl/text.h"

#include <doctest/doctest.h>

using namespace inetd::ctl;

TEST_CASE("text: what is hard to type") {
    CHECK(unescaped("GET / HTTP/1.0\\r\\n") == "GET / HTTP/1.0\r\n");
    CHECK(unescaped("\\x00\\xfF\\0\\\\") == std::string("\0\xff\0\\", 4));
    for (const char* text : {"\\", "\\q", "\\x1", "\\xg1"}) {
        CAPTURE(text);
        CHECK_FALSE(unescaped(text));
    }
}

TEST_CASE("text: what a terminal may be shown") {
    CHECK(printable("a\xC2\x9B"
                    "b\x7F\t") == "a?b??");
    CHECK(printable("\xc3\xbc\xc2\xa0\xe2\x80\xa6") == "\xc3\xbc\xc2\xa0\xe2\x80\xa6");
    // A terminal of eight bits takes 9B alone for the beginning of a sequence.
    CHECK(printable("\x9b[2J\xc3") == "?[2J?");
}
