#include "builtin/mux_line.h"

#include <doctest/doctest.h>

using namespace inetd;

using Kind = MuxRequest::Kind;

TEST_CASE("a line ends at its LF and not a byte later") {
    CHECK(MuxLine::share_of("name") == 4);
    CHECK(MuxLine::share_of("name\r") == 5);
    CHECK(MuxLine::share_of("name\r\nmore\n") == 6);
    CHECK(MuxLine::share_of("\n") == 1);
    CHECK(MuxLine::share_of("") == 0);
}

TEST_CASE("a line is gathered from pieces") {
    MuxLine line;
    CHECK(line.take("na") == MuxLine::State::more);
    CHECK(line.take("me\r") == MuxLine::State::more);
    CHECK(line.take("\n") == MuxLine::State::complete);
    CHECK(line.text() == "name\r\n");

    MuxLine bare;
    CHECK(bare.take("name\n") == MuxLine::State::complete);
    CHECK(bare.text() == "name\n");

    MuxLine empty;
    CHECK(empty.take("\r\n") == MuxLine::State::complete);
    CHECK(empty.text() == "\r\n");
}

TEST_CASE("a name has 256 characters at most") {
    const std::string longest(MuxLine::kLongestName, 'a');
    CHECK(MuxLine().take(longest + "\r\n") == MuxLine::State::complete);
    CHECK(MuxLine().take(longest + "\n") == MuxLine::State::complete);
    CHECK(MuxLine().take(longest + "a\n") == MuxLine::State::too_long);
    CHECK(MuxLine().take(longest + "ab") == MuxLine::State::too_long);
    CHECK(MuxLine().take(longest + "\r") == MuxLine::State::more);
    MuxLine line;
    CHECK(line.take(longest) == MuxLine::State::more);
    CHECK(line.room() == 2);
}

TEST_CASE("what a line asks for") {
    const auto name_in = [](const std::string& line) {
        const MuxRequest request = parse_mux_line(line);
        CHECK(request.name.empty() == (request.kind != Kind::service));
        return request.kind == Kind::help ? "(help)" : request.name;
    };
    CHECK(name_in("name\r\n") == "name");
    CHECK(name_in("Name~!\n") == "Name~!");
    CHECK(name_in("helper\r\n") == "helper");
    CHECK(name_in("+name\r\n") == "+name");
    const std::string longest(MuxLine::kLongestName, 'a');
    CHECK(name_in(longest + "\r\n") == longest);
    for (const char* line : {"help\r\n", "HELP\n", "Help\r\n"})
        CHECK(name_in(line) == "(help)");
    // RFC 1078: printable ASCII.
    for (const std::string& line :
         {std::string("\r\n"), std::string("\n"), std::string("a b\r\n"), std::string("a \n"),
          std::string("a\r\r\n"), std::string("a\0b\n", 4), std::string("\x7f\n"),
          std::string("\xc3\xa4\n"), longest + "a\n", std::string("help \r\n"), std::string("a"),
          std::string("a\r"), std::string()})
        CHECK(parse_mux_line(line).kind == Kind::bad);
}
