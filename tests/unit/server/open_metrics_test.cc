#include "server/open_metrics.h"

#include <array>
#include <doctest/doctest.h>

using namespace inetd;
using Format = OpenMetrics::Format;
using Type = OpenMetrics::Type;

static std::string sample_text(Format format) {
    OpenMetrics metrics(format);
    metrics.family(Type::info, "x_build", "", "The build.");
    metrics.sample(OpenMetrics::labels({{"version", "1"}}), std::uint64_t{1});
    metrics.family(Type::gauge, "x_nothing", "", "Has no samples.");
    metrics.family(Type::counter, "x_sent_bytes", "bytes", "Sent.");
    metrics.sample(OpenMetrics::labels({{"a", "b"}, {"c", "d"}}), UINT64_MAX);
    metrics.sample({}, std::uint64_t{2});
    metrics.family(Type::histogram, "x_seconds", "seconds", "How long.");
    metrics.sample(R"(a="b")", {.bounds = std::array{0.0005, 1.0},
                                .counts = std::array<std::uint64_t, 3>{1, 0, 2},
                                .sum = 7.25});
    metrics.family(Type::gauge, "x_start_seconds", "seconds", "When.");
    metrics.sample({}, 1700000000.125);
    return metrics.finish();
}

TEST_CASE("metrics: OpenMetrics") {
    CHECK(sample_text(Format::open_metrics) == R"(# TYPE x_build info
# HELP x_build The build.
x_build_info{version="1"} 1
# TYPE x_sent_bytes counter
# UNIT x_sent_bytes bytes
# HELP x_sent_bytes Sent.
x_sent_bytes_total{a="b",c="d"} 18446744073709551615
x_sent_bytes_total 2
# TYPE x_seconds histogram
# UNIT x_seconds seconds
# HELP x_seconds How long.
x_seconds_bucket{a="b",le="0.0005"} 1
x_seconds_bucket{a="b",le="1.0"} 1
x_seconds_bucket{a="b",le="+Inf"} 3
x_seconds_sum{a="b"} 7.25
x_seconds_count{a="b"} 3
# TYPE x_start_seconds gauge
# UNIT x_start_seconds seconds
# HELP x_start_seconds When.
x_start_seconds 1700000000.125
# EOF
)");
}

TEST_CASE("metrics: the text format of Prometheus") {
    CHECK(sample_text(Format::prometheus) == R"(# TYPE x_build_info gauge
# HELP x_build_info The build.
x_build_info{version="1"} 1
# TYPE x_sent_bytes_total counter
# HELP x_sent_bytes_total Sent.
x_sent_bytes_total{a="b",c="d"} 18446744073709551615
x_sent_bytes_total 2
# TYPE x_seconds histogram
# HELP x_seconds How long.
x_seconds_bucket{a="b",le="0.0005"} 1
x_seconds_bucket{a="b",le="1.0"} 1
x_seconds_bucket{a="b",le="+Inf"} 3
x_seconds_sum{a="b"} 7.25
x_seconds_count{a="b"} 3
# TYPE x_start_seconds gauge
# HELP x_start_seconds When.
x_start_seconds 1700000000.125
)");
}

TEST_CASE("metrics: labels") {
    const auto label = [](std::string_view value) { return OpenMetrics::labels({{"l", value}}); };
    CHECK(OpenMetrics::labels({}).empty());
    CHECK(label("") == R"(l="")");
    CHECK(label("/run/x \"y\" \\ z\n") == R"(l="/run/x \"y\" \\ z\n")");
    CHECK(label("\xc3\xa4 \xe2\x82\xac \xf0\x9f\x99\x82") ==
          "l=\"\xc3\xa4 \xe2\x82\xac \xf0\x9f\x99\x82\"");
    // Not UTF-8: alone, cut off, overlong, a surrogate, beyond the last character.
    CHECK(label("\xff") == R"(l="\\xff")");
    CHECK(label("a\xc3") == R"(l="a\\xc3")");
    CHECK(label("\xe2\x82") == R"(l="\\xe2\\x82")");
    CHECK(label("\xc0\xaf") == R"(l="\\xc0\\xaf")");
    CHECK(label("\xe0\x80\xaf") == R"(l="\\xe0\\x80\\xaf")");
    CHECK(label("\xed\xa0\x80") == R"(l="\\xed\\xa0\\x80")");
    CHECK(label("\xf4\x90\x80\x80") == R"(l="\\xf4\\x90\\x80\\x80")");
    CHECK(label(std::string_view("\0\t\x7f", 3)) == R"(l="\\x00\\x09\\x7f")");
}
