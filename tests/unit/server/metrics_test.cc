#include "server/metrics.h"

#include "../own_terms.h"
#include "config/load.h"

#include <doctest/doctest.h>
#include <fmt/core.h>

using namespace inetd;
using inetd::test::own_terms;
using namespace std::chrono_literals;
using Format = OpenMetrics::Format;

namespace {

ServiceConfigPtr config_of(Builtin builtin, std::int16_t type = SOCK_STREAM) {
    auto config = std::make_shared<ServiceConfig>();
    config->name = "x\"y";
    own_terms(*config).protocol = "tcp";
    config->listen.push_back({.address = *SocketAddress::parse_ip("::1", 80), .type = type});
    config->builtin = builtin;
    own_terms(*config).limits.per_source = 3;
    return config;
}

Measures measures_of(const ServiceConfigPtr& config) {
    Measures measures;
    State::Service service{.config = config,
                           .running = 2,
                           .started = 12,
                           .refused = {},
                           .last_use = {},
                           .condition = Condition::parked,
                           .reason = {},
                           .sockets = {}};
    service.refused.add(Refusal::libwrap, 4);
    measures.state.services.push_back(service);
    Tally tally;
    tally.spawns.add(Tally::kSpawnBounds, 2ms);
    tally.bytes_in = 5;
    tally.failed_spawns = 6;
    tally.count_exit(false, 3);
    tally.count_exit(true, 11);
    tally.count_exit(true, 35);
    measures.tallies.push_back(tally);
    measures.descriptors = 17;
    return measures;
}

constexpr std::string_view kLabels = R"(service="x\"y",protocol="tcp",address="[::1]:80")";

bool has_line(const std::string& text, std::string_view name, std::string_view more,
              std::string_view value) {
    std::string line = fmt::format("\n{}{{{}", name, kLabels);
    if (!more.empty()) line += fmt::format(",{}", more);
    return text.find(fmt::format("{}}} {}\n", line, value)) != std::string::npos;
}

} // namespace

TEST_CASE("metrics: a service with servers") {
    const std::string text =
        metrics_text({}, measures_of(config_of(Builtin::none)), Format::open_metrics);
    CHECK(has_line(text, "inetd_service_accepted_total", "", "12"));
    CHECK(has_line(text, "inetd_service_running", "", "2"));
    CHECK(has_line(text, "inetd_service_limit", "", "256"));
    CHECK(has_line(text, "inetd_service_refused_total", R"(reason="libwrap")", "4"));
    CHECK(has_line(text, "inetd_service_refused_total", R"(reason="per_source")", "0"));
    CHECK(text.find("reason=\"instances\"") == std::string::npos);
    CHECK(has_line(text, "inetd_service_state", R"(state="parked")", "1"));
    CHECK(has_line(text, "inetd_service_spawn_latency_seconds_bucket", R"(le="0.001")", "0"));
    CHECK(has_line(text, "inetd_service_spawn_latency_seconds_bucket", R"(le="0.0025")", "1"));
    CHECK(has_line(text, "inetd_service_spawn_latency_seconds_bucket", R"(le="+Inf")", "1"));
    CHECK(has_line(text, "inetd_service_spawn_latency_seconds_sum", "", "0.002"));
    CHECK(has_line(text, "inetd_service_session_duration_seconds_count", "", "0"));
    CHECK(has_line(text, "inetd_service_spawn_failures_total", "", "6"));
    CHECK(has_line(text, "inetd_service_exits_total", R"(code="0")", "0"));
    CHECK(has_line(text, "inetd_service_exits_total", R"(code="3")", "1"));
    CHECK(has_line(text, "inetd_service_exits_total", R"(signal="SIGSEGV")", "1"));
    CHECK(has_line(text, "inetd_service_exits_total", R"(signal="35")", "1"));
    CHECK(text.find("_bytes") == std::string::npos);
    CHECK(text.find("last_use") == std::string::npos);
    CHECK(text.find("\ninetd_open_descriptors 17\n") != std::string::npos);
    CHECK(text.find("\ninetd_services{state=\"parked\"} 1\n") != std::string::npos);
    CHECK(text.find("\ninetd_services{state=\"muxed\"} 0\n") != std::string::npos);
}

TEST_CASE("metrics: built-in services") {
    const auto text_of = [](Builtin builtin, std::int16_t type = SOCK_STREAM) {
        return metrics_text({}, measures_of(config_of(builtin, type)), Format::prometheus);
    };
    const std::string echo = text_of(Builtin::echo, SOCK_DGRAM);
    CHECK(has_line(echo, "inetd_service_received_bytes_total", "", "5"));
    CHECK(has_line(echo, "inetd_service_sent_bytes_total", "", "0"));
    CHECK(has_line(echo, "inetd_service_datagrams_total", "", "0"));
    CHECK(has_line(echo, "inetd_service_refused_total", R"(reason="reflection")", "0"));
    CHECK(echo.find("spawn") == std::string::npos);
    CHECK(echo.find("exits") == std::string::npos);
    const std::string mux = text_of(Builtin::tcpmux);
    CHECK(mux.find("_bytes") == std::string::npos);
    CHECK(mux.find("duration") == std::string::npos);
    CHECK(mux.find("datagrams_total") == std::string::npos);
}

TEST_CASE("metrics: reloads") {
    About about;
    const Measures none;
    const auto has = [&](const char* line) {
        return metrics_text(about, none, Format::open_metrics).find(line) != std::string::npos;
    };
    CHECK(has("\ninetd_last_reload_successful 1\n"));
    about.reloads = {.applied = 2, .refused = 3};
    about.last_reload = {.at = Clock::now(), .applied = false, .text = ""};
    CHECK(has("\ninetd_reloads_total{result=\"applied\"} 2\n"));
    CHECK(has("\ninetd_reloads_total{result=\"refused\"} 3\n"));
    CHECK(has("\ninetd_last_reload_successful 0\n"));
}
