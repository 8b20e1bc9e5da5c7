#include "policy/access_times.h"

#include <doctest/doctest.h>

using namespace inetd;

static bool open_at(const std::vector<DayTime>& times, int hour, int minute) {
    std::tm local{};
    local.tm_hour = hour;
    local.tm_min = minute;
    local.tm_sec = 59;
    return is_open(times, local);
}

TEST_CASE("access times: from its first minute up to its end") {
    const std::vector<DayTime> office{{8 * 60, 18 * 60}};
    CHECK_FALSE(open_at(office, 7, 59));
    CHECK(open_at(office, 8, 0));
    CHECK(open_at(office, 17, 59));
    CHECK_FALSE(open_at(office, 18, 0));
    CHECK(open_at({}, 3, 0));
}

TEST_CASE("access times: over midnight, and several") {
    const std::vector<DayTime> night{{22 * 60, 6 * 60}};
    CHECK(open_at(night, 22, 0));
    CHECK(open_at(night, 23, 59));
    CHECK(open_at(night, 0, 0));
    CHECK(open_at(night, 5, 59));
    CHECK_FALSE(open_at(night, 6, 0));
    CHECK_FALSE(open_at(night, 21, 59));
    const std::vector<DayTime> meals{{12 * 60, 13 * 60}, {18 * 60 + 30, 24 * 60}};
    CHECK(open_at(meals, 12, 30));
    CHECK_FALSE(open_at(meals, 18, 29));
    CHECK(open_at(meals, 23, 59));
    CHECK_FALSE(open_at(meals, 0, 0));
}
