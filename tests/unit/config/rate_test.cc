#include "config/rate.h"

#include <doctest/doctest.h>

using namespace inetd;

TEST_CASE("a rate is read and written") {
    struct {
        const char* text;
        Rate rate;
        const char* shown;
    } const cases[] = {
        {"50/s", {50, 1, 50}, "50/s"},
        {"300/min", {300, 60, 300}, "300/min"},
        {"10/h", {10, 3600, 10}, "10/h"},
        {"1/day", {1, 86400, 1}, "1/day"},
        {"50/s burst 100", {50, 1, 100}, "50/s burst 100"},
        {"50/second  burst  1", {50, 1, 1}, "50/s burst 1"},
        {"2/minute burst 2", {2, 60, 2}, "2/min"},
        {"1000000000/hour", {1000000000, 3600, 1000000000}, "1000000000/h"},
    };
    for (const auto& [text, rate, shown] : cases) {
        CAPTURE(text);
        const auto read = parse_rate(text);
        REQUIRE(read);
        CHECK(*read == rate);
        CHECK(rate_text(*read) == shown);
    }
    CHECK(rate_text({}) == "0");
    CHECK(rate_text({.count = 7, .seconds = 5, .burst = 7}) == "7/5s");
}

TEST_CASE("what is not a rate") {
    for (const char* text : {"",
                             "50",
                             "/s",
                             "50/",
                             "50/x",
                             "0/s",
                             "-1/s",
                             "1.5/s",
                             "50 /s",
                             "50/s ",
                             "50/s burst",
                             "50/s burst ",
                             "50/s burst 0",
                             "50/s burst 2x",
                             "50/sburst 2",
                             "50/s 2",
                             "50/S",
                             "1000000001/s",
                             "99999999999999999999/s",
                             " 50/s",
                             "50//s"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_rate(text));
    }
}
