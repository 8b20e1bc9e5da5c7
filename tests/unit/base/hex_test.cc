#include "base/hex.h"

#include <doctest/doctest.h>

using namespace inetd;

TEST_CASE("hex: there and back") {
    CHECK(hex("") == "");
    CHECK(hex(std::string_view("\0\x1f\xa0\xff", 4)) == "001fa0ff");
    CHECK(bytes_of_hex("001fa0ff") == std::string("\0\x1f\xa0\xff", 4));
    CHECK(bytes_of_hex("") == "");
    for (const char* bad : {"0", "0g", "g0", "FF", "0x00", " 0", "000"}) {
        CAPTURE(bad);
        CHECK_FALSE(bytes_of_hex(bad));
    }
}
