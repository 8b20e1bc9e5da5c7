#include "policy/tally.h"

#include <algorithm>
#include <doctest/doctest.h>
#include <numeric>

using namespace inetd;
using namespace std::chrono_literals;

TEST_CASE("tally: a bucket takes what is not above its bound") {
    for (const auto& bounds : {Tally::kSpawnBounds, Tally::kSessionBounds}) {
        CHECK(std::is_sorted(bounds.begin(), bounds.end()));
        Histogram histogram;
        for (const auto bound : bounds) {
            histogram.add(bounds, bound);
            histogram.add(bounds, bound - 1ns);
        }
        histogram.add(bounds, 0ns);
        histogram.add(bounds, bounds.back() + 1ns);
        CHECK(histogram.counts().front() == 3);
        CHECK(histogram.counts().back() == 1);
        for (std::size_t i = 1; i < Histogram::kBounds; ++i)
            CHECK(histogram.counts().at(i) == 2);
        CHECK(histogram.sum() ==
              2 * std::accumulate(bounds.begin(), bounds.end(), 0ns) + bounds.back() - 14ns);
    }
}

TEST_CASE("tally: exits by code and by signal") {
    Tally tally;
    for (const int code : {0, 1, 0, 9, 0})
        tally.count_exit(false, code);
    tally.count_exit(true, 9);
    REQUIRE(tally.exits.size() == 4);
    CHECK(tally.exits[0] == Tally::Exit{false, 0, 3});
    CHECK(tally.exits[1] == Tally::Exit{false, 1, 1});
    CHECK(tally.exits[2] == Tally::Exit{false, 9, 1});
    CHECK(tally.exits[3] == Tally::Exit{true, 9, 1});
}
