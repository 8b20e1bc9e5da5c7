#include "server/metrics.h"

#include "config/keys.h"

#include <array>
#include <vector>

namespace inetd {

using Type = OpenMetrics::Type;

namespace {

// A service and the labels that tell it from all others.
struct Row {
    const State::Service& service;
    std::string labels;
};

std::vector<Row> rows_of(const State& state) {
    std::vector<Row> rows;
    for (const State::Service& service : state.services) {
        const ServiceConfig& config = *service.config;
        const std::string address =
            config.listen.empty() ? "" : config.listen.front().address.to_string();
        rows.push_back({service, OpenMetrics::labels({{"service", config.name},
                                                      {"protocol", config.protocol},
                                                      {"address", address}})});
    }
    return rows;
}

void add_daemon(OpenMetrics& metrics, const About& about, const State& state) {
    metrics.family(Type::info, "inetd_build", "", "The version of the running binary.");
    metrics.sample(OpenMetrics::labels({{"version", INETD_VERSION}}), std::uint64_t{1});
    metrics.family(Type::gauge, "inetd_start_time_seconds", "seconds",
                   "When the daemon was started, in seconds since 1970. A change of the binary is "
                   "no start.");
    metrics.sample({}, calendar_time(about.started));
    metrics.family(Type::gauge, "inetd_generation", "",
                   "How often the binary was changed since the start.");
    metrics.sample({}, std::uint64_t{about.generation});

    std::array<std::uint64_t, kConditions> conditions{};
    for (const State::Service& service : state.services)
        ++conditions[static_cast<std::size_t>(service.condition)];
    metrics.family(Type::gauge, "inetd_services", "", "Services, by what they are doing.");
    for (std::size_t i = 0; i < kConditions; ++i) {
        const auto condition = static_cast<Condition>(i);
        metrics.sample(OpenMetrics::labels({{"state", condition_text(condition)}}), conditions[i]);
    }
    metrics.family(Type::gauge, "inetd_servers", "", "Processes of servers that run.");
    metrics.sample({}, std::uint64_t{state.servers.size()});
}

void add_clients(OpenMetrics& metrics, const std::vector<Row>& rows) {
    metrics.family(Type::counter, "inetd_service_accepted", "",
                   "Clients that were admitted. Of a wait service, and of a datagram service, "
                   "servers that were started.");
    for (const Row& row : rows)
        metrics.sample(row.labels, row.service.started);
    metrics.family(Type::counter, "inetd_service_refused", "",
                   "Clients that were turned away. The reason is the key of inetd.cfg(5).");
    for (const Row& row : rows) {
        for (std::size_t i = 0; i < kRefusals; ++i) {
            const auto refusal = static_cast<Refusal>(i);
            if (const auto count = row.service.refused.of(refusal); count != 0)
                metrics.sample(row.labels + "," +
                                   OpenMetrics::labels({{"reason", refusal_key(refusal)}}),
                               count);
        }
    }
    metrics.family(Type::gauge, "inetd_service_running", "",
                   "Servers, or clients of a built-in service, that run.");
    for (const Row& row : rows)
        metrics.sample(row.labels, std::uint64_t{row.service.running});
    metrics.family(Type::gauge, "inetd_service_limit", "",
                   "How many of a service may run at once; without a limit there is none here.");
    for (const Row& row : rows) {
        const ServiceConfig& config = *row.service.config;
        if (lacks_effect(Effect::counted, config) == nullptr && config.limits.instances != 0)
            metrics.sample(row.labels, std::uint64_t{config.limits.instances});
    }
}

void add_conditions(OpenMetrics& metrics, const std::vector<Row>& rows) {
    metrics.family(Type::gauge, "inetd_service_state", "",
                   "Always 1. The label says what the service is doing.");
    for (const Row& row : rows)
        metrics.sample(row.labels + "," +
                           OpenMetrics::labels({{"state", condition_text(row.service.condition)}}),
                       std::uint64_t{1});
    metrics.family(Type::gauge, "inetd_service_last_use_timestamp_seconds", "seconds",
                   "When a client was last admitted, in seconds since 1970.");
    for (const Row& row : rows)
        if (row.service.last_use) metrics.sample(row.labels, calendar_time(*row.service.last_use));
}

} // namespace

std::string metrics_text(const About& about, const State& state, OpenMetrics::Format format) {
    OpenMetrics metrics(format);
    add_daemon(metrics, about, state);
    const std::vector<Row> rows = rows_of(state);
    add_clients(metrics, rows);
    add_conditions(metrics, rows);
    return metrics.finish();
}

} // namespace inetd
