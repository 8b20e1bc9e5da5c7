#include "policy/load_history.h"

#include <doctest/doctest.h>

using namespace inetd;
using namespace std::chrono_literals;

using TimePoint = LoadHistory::TimePoint;
using Spans = std::vector<LoadHistory::Span>;

static constexpr TimePoint kStart{1'000'000s};

// Only those that are not empty, by their place from the newest on.
static std::vector<std::pair<std::size_t, LoadHistory::Span>> seen(const LoadHistory& history,
                                                                   TimePoint now) {
    const Spans spans = history.spans(now);
    REQUIRE(spans.size() == LoadHistory::kSpans);
    std::vector<std::pair<std::size_t, LoadHistory::Span>> found;
    for (std::size_t i = 0; i < spans.size(); ++i)
        if (!(spans[i] == LoadHistory::Span{})) found.emplace_back(spans.size() - 1 - i, spans[i]);
    return found;
}

using Seen = std::vector<std::pair<std::size_t, LoadHistory::Span>>;

TEST_CASE("load history: nobody came") {
    CHECK(LoadHistory().spans(kStart) == Spans(LoadHistory::kSpans));
    CHECK(LoadHistory().spans(TimePoint{}) == Spans(LoadHistory::kSpans));
}

TEST_CASE("load history: counted where it was, and moved on when one looks") {
    LoadHistory history;
    history.accepted(kStart);
    history.accepted(kStart + 9s);
    history.refused(kStart + 10s, 3);
    CHECK(seen(history, kStart + 19s) == Seen{{1, {2, 0}}, {0, {0, 3}}});
    CHECK(seen(history, kStart + 45s) == Seen{{4, {2, 0}}, {3, {0, 3}}});
    history.accepted(kStart + 45s);
    CHECK(seen(history, kStart + 45s) == Seen{{4, {2, 0}}, {3, {0, 3}}, {0, {1, 0}}});
    CHECK(seen(history, kStart + 599s) == Seen{{59, {2, 0}}, {58, {0, 3}}, {55, {1, 0}}});
    CHECK(seen(history, kStart + 600s) == Seen{{59, {0, 3}}, {56, {1, 0}}});
    CHECK(seen(history, kStart + 1h).empty());
}

TEST_CASE("load history: what is too old makes room") {
    LoadHistory history;
    for (int i = 0; i < 150; ++i)
        history.accepted(kStart + i * 10s);
    CHECK(history.spans(kStart + 1499s) == Spans(LoadHistory::kSpans, {1, 0}));
    history.accepted(kStart + 24h);
    CHECK(seen(history, kStart + 24h) == Seen{{0, {1, 0}}});
    history.accepted(kStart + 24h + 300s);
    CHECK(seen(history, kStart + 24h + 300s) == Seen{{30, {1, 0}}, {0, {1, 0}}});
}

TEST_CASE("load history: from the beginning of the clock") {
    LoadHistory history;
    history.accepted(TimePoint{5s});
    CHECK(seen(history, TimePoint{5s}) == Seen{{0, {1, 0}}});
    CHECK(seen(history, TimePoint{25s}) == Seen{{2, {1, 0}}});
}

TEST_CASE("load history: another process goes on with it") {
    LoadHistory history;
    CHECK(history.state().empty());
    CHECK(LoadHistory(history.state()).spans(kStart) == Spans(LoadHistory::kSpans));
    for (int i = 0; i < 100; i += 3)
        history.accepted(kStart + i * 10s);
    history.refused(kStart + 990s, 7);
    CHECK(history.state().size() == 20);
    LoadHistory next(history.state());
    CHECK(next.state() == history.state());
    for (const auto later : {990s, 1200s, 1580s, 1590s})
        CHECK(next.spans(kStart + later) == history.spans(kStart + later));
    next.accepted(kStart + 991s);
    CHECK(next.spans(kStart + 991s).back() == LoadHistory::Span{2, 7});
    // Neither order nor age is trusted.
    CHECK(LoadHistory({{5, {1, 1}}, {4, {9, 9}}, {-3, {9, 9}}}).state() ==
          LoadHistory::State{{5, {1, 1}}});
}
