#include "server/load_plot.h"

#include <doctest/doctest.h>

using namespace inetd;

using Spans = std::vector<LoadHistory::Span>;

static const char* const kHead = R"(preserveAspectRatio="none" role="img">)";

TEST_CASE("load plot: the refused stand on the accepted") {
    const Spans spans{{0, 0}, {4, 0}, {4, 0}, {2, 6}, {0, 0}};
    CHECK(load_plot(spans, 16) ==
          std::string(R"(<svg viewBox="0 0 10 16" )") + kHead +
              "<title>10 accepted, 6 refused in 10 minutes, at most 0.8 a second</title>"
              R"(<path class="refused" d="M0,16V16h2V8h4V0h2V16h2V16z"/>)"
              R"(<path class="accepted" d="M0,16V16h2V8h4V12h2V16h2V16z"/></svg>)");
}

TEST_CASE("load plot: little is not nothing, and much is not too much") {
    const Spans spans{{1, 0}, {4'000'000'000, 4'000'000'000}};
    const std::string svg = load_plot(spans, 24);
    CHECK(svg.find(R"(d="M0,24V23h2V0h2V24z")") != std::string::npos);
    CHECK(svg.find(R"(d="M0,24V23h2V12h2V24z")") != std::string::npos);
    CHECK(svg.find("4,000,000,001 accepted") != std::string::npos);
}

TEST_CASE("load plot: nobody came") {
    CHECK(load_plot(Spans(3), 10) ==
          std::string(R"(<svg viewBox="0 0 6 10" )") + kHead +
              "<title>0 accepted, 0 refused in 10 minutes, at most 0.0 a second</title></svg>");
    CHECK(load_plot({}, 10).find("<path") == std::string::npos);
}
