#include "builtin/http_cut.h"

#include "builtin/http_request.h"

#include <doctest/doctest.h>
#include <string>

using namespace inetd;

// After how many of the bytes, one by one, there was a reason to read how many.
static std::string reasons(std::string_view bytes) {
    HttpCut cut;
    std::string text;
    for (std::size_t i = 0; i <= bytes.size(); ++i)
        if (cut.read(bytes.substr(0, i)))
            text += std::to_string(i) + ":" + std::to_string(cut.size()) + " ";
    return text;
}

TEST_CASE("http cut: the first line, and the end") {
    CHECK(reasons("").empty());
    CHECK(reasons("\r\n\r\n\n").empty());
    CHECK(reasons("GET /").empty());
    CHECK(reasons("a\n") == "2:2 ");
    CHECK(reasons("a\r\nb\r\nc\r\n\r\nd\n\n") == "3:3 11:11 ");
    CHECK(reasons("\r\na\n\na\n") == "4:4 5:5 ");
    HttpCut cut;
    CHECK(cut.read("a\nb\n\nc\n\n"));
    CHECK(cut.size() == 5);
    CHECK_FALSE(cut.read("a\nb\n\nc\n\n"));
    HttpCut half;
    CHECK(half.read("a\nb\nc"));
    CHECK(half.size() == 4);
    CHECK_FALSE(half.read("a\nb\nc\n"));
}

TEST_CASE("http cut: as much as may be") {
    const std::string line(HttpRequest::kLongest + 10, 'x');
    CHECK((reasons(line) == "16384:16384 "));
    CHECK((reasons("a\n" + line) == "2:2 16384:16384 "));
    const std::string fits = "a\n" + line.substr(0, HttpRequest::kLongest - 4) + "\n\n";
    CHECK((reasons(fits) == "2:2 16384:16384 "));
}
