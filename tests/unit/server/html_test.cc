#include "server/html.h"

#include <doctest/doctest.h>

using namespace inetd;

TEST_CASE("html: text stays text") {
    CHECK(html_text(R"(<b title="a">'&amp;'</b>)") ==
          "&lt;b title=&quot;a&quot;&gt;&#39;&amp;amp;&#39;&lt;/b&gt;");
    CHECK(html_text("grüß €") == "grüß €");
    CHECK(html_text("a\xFF\x01\nb") == "a\uFFFD\uFFFD\uFFFDb");
    CHECK(html_text("\xC2\x9B|\xE2\x82") == "\uFFFD|\uFFFD\uFFFD");
    CHECK(html_text("").empty());
}

TEST_CASE("html: numbers") {
    CHECK(html_number(0) == "0");
    CHECK(html_number(999) == "999");
    CHECK(html_number(1000) == "1,000");
    CHECK(html_number(1234567) == "1,234,567");
    CHECK(html_number(UINT64_MAX) == "18,446,744,073,709,551,615");
}
