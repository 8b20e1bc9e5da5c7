#include "server/metrics.h"

#include "base/seconds.h"
#include "config/keys.h"

#include <array>
#include <cstring>
#include <fmt/core.h>
#include <vector>

namespace inetd {

using Type = OpenMetrics::Type;

namespace {

// A service and the labels that tell it from all others.
struct Row {
    const State::Service& service;
    const Tally& tally;
    std::string labels;

    [[nodiscard]] const ServiceConfig& config() const { return *service.config; }
    // Those that nobody comes to, most of many, are not worth the lines of a histogram.
    [[nodiscard]] bool used() const { return service.started != 0; }
    [[nodiscard]] bool external() const { return config().builtin == Builtin::none; }
    [[nodiscard]] std::string with(std::string_view name, std::string_view value) const {
        return labels + "," + OpenMetrics::labels({{name, value}});
    }
};

std::vector<Row> rows_of(const Measures& measures) {
    std::vector<Row> rows;
    for (std::size_t i = 0; i < measures.state.services.size(); ++i) {
        const State::Service& service = measures.state.services[i];
        const ServiceConfig& config = *service.config;
        const std::string address =
            config.listen.empty() ? "" : config.listen.front().address.to_string();
        rows.push_back({service, measures.tallies[i],
                        OpenMetrics::labels({{"service", config.name},
                                             {"protocol", config.terms->protocol},
                                             {"address", address}})});
    }
    return rows;
}

void add_reloads(OpenMetrics& metrics, const About& about) {
    metrics.family(Type::counter, "inetd_reloads", "",
                   "Reloads of the configuration. One that is refused changes nothing.");
    metrics.sample(R"(result="applied")", about.reloads.applied);
    metrics.sample(R"(result="refused")", about.reloads.refused);
    const auto& last = about.last_reload;
    metrics.family(Type::gauge, "inetd_last_reload_successful", "",
                   "Whether the last reload was applied; 1 if there was none yet.");
    metrics.sample({}, std::uint64_t{!last || last->applied ? 1U : 0U});
    metrics.family(Type::gauge, "inetd_last_reload_timestamp_seconds", "seconds",
                   "When the last reload was, applied or not, in seconds since 1970; the start if "
                   "there was none.");
    metrics.sample({}, calendar_time(last ? last->at : about.started));
}

void add_daemon(OpenMetrics& metrics, const About& about, const Measures& measures) {
    metrics.family(Type::info, "inetd_build", "", "The version of the running binary.");
    metrics.sample(OpenMetrics::labels({{"version", INETD_VERSION}}), std::uint64_t{1});
    metrics.family(Type::gauge, "inetd_start_time_seconds", "seconds",
                   "When the daemon was started, in seconds since 1970. A change of the binary is "
                   "no start.");
    metrics.sample({}, calendar_time(about.started));
    metrics.family(Type::gauge, "inetd_generation", "",
                   "How often the binary was changed since the start.");
    metrics.sample({}, std::uint64_t{about.generation});
    add_reloads(metrics, about);

    std::array<std::uint64_t, kConditions> services{};
    std::array<std::uint64_t, kConditions> sockets{};
    for (const State::Service& service : measures.state.services) {
        ++services.at(static_cast<std::size_t>(service.condition));
        for (const State::Socket& socket : service.sockets)
            ++sockets.at(static_cast<std::size_t>(socket.condition));
    }
    const auto add = [&](const char* name, const auto& counts, const char* help) {
        metrics.family(Type::gauge, name, "", help);
        for (std::size_t i = 0; i < kConditions; ++i)
            metrics.sample(
                OpenMetrics::labels({{"state", condition_text(static_cast<Condition>(i))}}),
                counts[i]);
    };
    add("inetd_services", services, "Services, by what they are doing.");
    add("inetd_sockets", sockets, "Sockets of services, by what they are doing.");
    metrics.family(Type::gauge, "inetd_servers", "", "Processes of servers that run.");
    metrics.sample({}, std::uint64_t{measures.state.servers.size()});
    metrics.family(Type::gauge, "inetd_sessions", "",
                   "Clients that the daemon itself serves or still asks about.");
    metrics.sample({}, measures.sessions);
    metrics.family(Type::gauge, "inetd_open_descriptors", "",
                   "Descriptors that the daemon has open.");
    metrics.sample({}, measures.descriptors);
    metrics.family(Type::gauge, "inetd_descriptor_limit", "",
                   "How many descriptors the daemon may have open.");
    metrics.sample({}, measures.descriptor_limit);
}

// Whether the configuration lets this happen: such a counter is there from the start, so that the
// first time can be told from none.
bool may_refuse(const ServiceConfig& config, Refusal refusal) {
    const Limits& limits = config.terms->limits;
    const bool turns_away = limits.overflow == Overflow::refuse || !config.mux_name().empty();
    switch (refusal) {
    case Refusal::instances:
        return turns_away && limits.instances != 0;
    case Refusal::rate:
        return turns_away && limits.rate.is_limit();
    case Refusal::source_instances:
        return limits.per_source != 0;
    case Refusal::source_rate:
        return limits.source_rate.is_limit();
    case Refusal::balancer:
    case Refusal::proxy_header:
    case Refusal::proxy_timeout:
        return config.terms->proxy_protocol;
    case Refusal::reflection:
        return config.type() == SOCK_DGRAM && (config.builtin != Builtin::none || !config.wait);
    case Refusal::only_from:
        return config.terms->access.only_from != nullptr;
    case Refusal::no_access:
        return config.terms->access.no_access != nullptr;
    case Refusal::access_times:
        return !config.terms->access.times.empty();
    case Refusal::max_load:
        return config.terms->access.max_load != 0;
    case Refusal::libwrap:
        return config.terms->access.libwrap;
    case Refusal::parser:
        return config.builtin == Builtin::tcpmux;
    case Refusal::sensor:   // by any service that is one
    case Refusal::resolver: // hardly ever
        break;
    }
    return false;
}

void add_clients(OpenMetrics& metrics, const std::vector<Row>& rows) {
    metrics.family(Type::counter, "inetd_service_accepted", "",
                   "Clients that were let in. Of a wait service the servers that were started. "
                   "Datagrams that a built-in service answers are counted apart.");
    for (const Row& row : rows)
        metrics.sample(row.labels, row.service.started);
    metrics.family(Type::counter, "inetd_service_refused", "",
                   "Clients that were turned away. The reason is mostly a key of inetd.cfg(5).");
    for (const Row& row : rows) {
        for (std::size_t i = 0; i < kRefusals; ++i) {
            const auto refusal = static_cast<Refusal>(i);
            const auto count = row.service.refused.of(refusal);
            if (count != 0 || may_refuse(row.config(), refusal))
                metrics.sample(row.with("reason", refusal_key(refusal)), count);
        }
    }
    metrics.family(Type::gauge, "inetd_service_running", "",
                   "Servers, or clients of a built-in service, that run.");
    for (const Row& row : rows)
        metrics.sample(row.labels, std::uint64_t{row.service.running});
    metrics.family(Type::gauge, "inetd_service_limit", "",
                   "How many of a service may run at once. None here: no limit.");
    for (const Row& row : rows)
        if (lacks_effect(Effect::counted, row.config()) == nullptr &&
            row.config().terms->limits.instances != 0)
            metrics.sample(row.labels, std::uint64_t{row.config().terms->limits.instances});
}

void add_conditions(OpenMetrics& metrics, const std::vector<Row>& rows) {
    metrics.family(Type::gauge, "inetd_service_state", "",
                   "Always 1. The label says what the service is doing.");
    for (const Row& row : rows)
        metrics.sample(row.with("state", condition_text(row.service.condition)), std::uint64_t{1});
    metrics.family(Type::gauge, "inetd_service_last_use_timestamp_seconds", "seconds",
                   "When a client was last let in, in seconds since 1970. None here: never.");
    for (const Row& row : rows)
        if (row.service.last_use) metrics.sample(row.labels, calendar_time(*row.service.last_use));
}

void add_histogram(OpenMetrics& metrics, const Row& row, const Histogram::Bounds& bounds,
                   const Histogram& histogram) {
    std::array<double, Histogram::kBounds> in_seconds{};
    for (std::size_t i = 0; i < bounds.size(); ++i)
        in_seconds.at(i) = seconds(bounds.at(i));
    metrics.sample(
        row.labels,
        {.bounds = in_seconds, .counts = histogram.counts(), .sum = seconds(histogram.sum())});
}

std::string signal_name(int signal) {
    const char* name = sigabbrev_np(signal);
    return name != nullptr ? fmt::format("SIG{}", name) : std::to_string(signal);
}

void add_servers(OpenMetrics& metrics, const std::vector<Row>& rows) {
    metrics.family(
        Type::histogram, "inetd_service_spawn_latency_seconds", "seconds",
        "From when the event loop woke up for a client, or for what a wait service is to "
        "take, until the new process called the exec that made it the server. Waiting "
        "for names and PROXY headers is part of it.");
    for (const Row& row : rows)
        if (row.external() && row.used())
            add_histogram(metrics, row, Tally::kSpawnBounds, row.tally.spawns);
    metrics.family(Type::histogram, "inetd_service_session_duration_seconds", "seconds",
                   "How long servers ran, and how long clients of a built-in service stayed, of "
                   "those that have ended. Not of auth and tcpmux.");
    for (const Row& row : rows)
        if (row.used() && row.config().builtin != Builtin::auth &&
            row.config().builtin != Builtin::tcpmux)
            add_histogram(metrics, row, Tally::kSessionBounds, row.tally.sessions);
    metrics.family(Type::counter, "inetd_service_spawn_failures", "",
                   "Servers that could not be started; the log says why.");
    for (const Row& row : rows)
        if (row.external()) metrics.sample(row.labels, row.tally.failed_spawns);
    metrics.family(Type::counter, "inetd_service_exits", "",
                   "Ends of servers, by exit code or, if it was killed by one, by signal.");
    for (const Row& row : rows) {
        if (!row.external()) continue;
        bool zero = false;
        for (const Tally::Exit& exit : row.tally.exits) {
            zero = zero || (!exit.signalled && exit.status == 0);
            metrics.sample(exit.signalled ? row.with("signal", signal_name(exit.status))
                                          : row.with("code", std::to_string(exit.status)),
                           exit.times);
        }
        if (!zero) metrics.sample(row.with("code", "0"), std::uint64_t{0});
    }
}

void add_builtins(OpenMetrics& metrics, const std::vector<Row>& rows) {
    const auto counts_bytes = [](const Row& row) {
        return !row.external() && row.config().builtin != Builtin::auth &&
               row.config().builtin != Builtin::tcpmux;
    };
    metrics.family(Type::counter, "inetd_service_received_bytes", "bytes",
                   "Bytes that built-in services have read from their clients. Of redirect: what "
                   "was passed on. Not of auth and tcpmux.");
    for (const Row& row : rows)
        if (counts_bytes(row)) metrics.sample(row.labels, row.tally.bytes_in);
    metrics.family(Type::counter, "inetd_service_sent_bytes", "bytes",
                   "Bytes that built-in services have sent to their clients. Not of auth and "
                   "tcpmux.");
    for (const Row& row : rows)
        if (counts_bytes(row)) metrics.sample(row.labels, row.tally.bytes_out);
    metrics.family(Type::counter, "inetd_service_datagrams", "",
                   "Datagrams that built-in services have read, answered or not.");
    for (const Row& row : rows)
        if (!row.external() && row.config().type() == SOCK_DGRAM)
            metrics.sample(row.labels, row.tally.datagrams);
}

} // namespace

std::string metrics_text(const About& about, const Measures& measures, OpenMetrics::Format format) {
    OpenMetrics metrics(format);
    add_daemon(metrics, about, measures);
    const std::vector<Row> rows = rows_of(measures);
    add_clients(metrics, rows);
    add_conditions(metrics, rows);
    add_servers(metrics, rows);
    add_builtins(metrics, rows);
    return metrics.finish();
}

} // namespace inetd
