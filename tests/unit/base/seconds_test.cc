#include "base/seconds.h"

#include <doctest/doctest.h>

using namespace inetd;
using namespace std::chrono_literals;

TEST_CASE("seconds: to the nearest millisecond, with three digits") {
    CHECK(seconds_text(0ns) == "0.000 s");
    CHECK(seconds_text(1ms) == "0.001 s");
    CHECK(seconds_text(42'499us) == "0.042 s");
    CHECK(seconds_text(999'600us) == "1.000 s");
    CHECK(seconds_text(1h + 2ms) == "3600.002 s");
    CHECK(seconds_text(-5s) == "0.000 s");
}
