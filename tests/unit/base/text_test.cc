#include "base/text.h"

#include <doctest/doctest.h>

using namespace inetd;

TEST_CASE("to_number takes the whole text or nothing") {
    CHECK(to_number<int>("42", 0, 100) == 42);
    CHECK(to_number<int>("0", 0, 100) == 0);
    for (const char* bad :
         {"", " 1", "1 ", "+1", "0x10", "101", "-1", "99999999999999999999", "1.5"})
        CHECK_MESSAGE(!to_number<int>(bad, 0, 100), bad);
}

TEST_CASE("split keeps empty pieces") {
    CHECK(split("a,b", ',') == std::vector<std::string_view>{"a", "b"});
    CHECK(split("", ',') == std::vector<std::string_view>{""});
    CHECK(split(",a,", ',') == std::vector<std::string_view>{"", "a", ""});
}

TEST_CASE("escaped leaves one harmless line") {
    CHECK(escaped("plain text") == "plain text");
    CHECK(escaped("a\nb\x1b[0m\"\\") == "a\\x0ab\\x1b[0m\\\"\\\\");
    CHECK(escaped("\xff") == "\\xff");
}

TEST_CASE("did_you_mean finds the near and leaves the far") {
    const std::vector<std::string_view> words{"wait", "nowait", "stream", "dgram"};
    CHECK(did_you_mean("nowiat", words) == "nowait");
    CHECK(did_you_mean("steam", words) == "stream");
    CHECK(!did_you_mean("banana", words));
    CHECK(!did_you_mean("x", words));
}

TEST_CASE("text without the blanks around it") {
    CHECK(trimmed(" \ta b\t ") == "a b");
    CHECK(trimmed("a") == "a");
    CHECK(trimmed(" \t").empty());
    CHECK(trimmed("").empty());
    CHECK(trimmed("\na\n") == "\na\n");
}

TEST_CASE("texts that differ in case alone") {
    CHECK(equal_but_for_case("", ""));
    CHECK(equal_but_for_case("Keep-Alive", "kEEP-aLIVE"));
    CHECK_FALSE(equal_but_for_case("a", "ab"));
    CHECK_FALSE(equal_but_for_case("[", "{"));
    CHECK_FALSE(equal_but_for_case({"a\0b", 3}, {"a\0c", 3}));
}
