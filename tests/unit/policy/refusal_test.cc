#include "policy/refusal.h"

#include <doctest/doctest.h>

namespace inetd {

TEST_CASE("each refusal has a key of its own, by which it is found again") {
    for (std::size_t i = 0; i < kRefusals; ++i) {
        const auto refusal = static_cast<Refusal>(i);
        CHECK(refusal_of_key(refusal_key(refusal)) == refusal);
        CHECK(std::string_view(refusal_text(refusal)) != "");
    }
    CHECK_FALSE(refusal_of_key("nonsense"));
}

TEST_CASE("refusals are counted each for itself") {
    RefusalCounts counts;
    counts.add(Refusal::sensor);
    counts.add(Refusal::rate, 3);
    CHECK(counts.of(Refusal::sensor) == 1);
    CHECK(counts.of(Refusal::rate) == 3);
    CHECK(counts.of(Refusal::instances) == 0);
    CHECK(counts.total() == 4);
}

} // namespace inetd
