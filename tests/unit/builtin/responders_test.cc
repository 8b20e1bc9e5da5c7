#include "builtin/responders.h"

#include <cstdlib>
#include <doctest/doctest.h>
#include <string>

using namespace inetd;

TEST_CASE("daytime is a line of local time") {
    setenv("TZ", "UTC0", 1);
    tzset();
    CHECK(daytime_text(0) == "Thu Jan  1 00:00:00 1970\r\n");
    CHECK(daytime_text(1795200012) == "Fri Nov 20 18:40:12 2026\r\n");
    setenv("TZ", "XXX-2", 1);
    tzset();
    CHECK(daytime_text(0) == "Thu Jan  1 02:00:00 1970\r\n");
    unsetenv("TZ");
    tzset();
}

TEST_CASE("time is four bytes since 1900, as in the examples of RFC 868") {
    const auto text = [](std::time_t now) {
        const auto bytes = time_bytes(now);
        return std::string(bytes.begin(), bytes.end());
    };
    CHECK(text(0) == std::string("\x83\xaa\x7e\x80", 4));          // 2,208,988,800
    CHECK(text(420595200) == std::string("\x9c\xbc\x44\x80", 4));  // 1 May 1983
    CHECK(text(2085978495) == std::string("\xff\xff\xff\xff", 4)); // the last before it wraps
    CHECK(text(2085978496) == std::string("\0\0\0\0", 4));
}

TEST_CASE("chargen lines rotate through the printable characters") {
    CHECK(chargen_line(0) ==
          " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefg\r\n");
    CHECK(chargen_line(1).starts_with("!\"#"));
    CHECK(chargen_line(1).ends_with("efgh\r\n"));
    CHECK(chargen_line(94).starts_with("~ !\""));
    CHECK(chargen_line(95) == chargen_line(0));
    CHECK(chargen_line(30).size() == kChargenLine);
    CHECK(chargen_block().size() % kChargenCycle == 0);
    CHECK(chargen_block().size() / kChargenCycle > 10);
    CHECK(chargen_block().substr(0, kChargenCycle) ==
          chargen_block().substr(chargen_block().size() - kChargenCycle));
}
