#include "server/gate_fields.h"

#include <algorithm>
#include <stdexcept>

namespace inetd::json_fields {

static json bucket(const TokenBucket::State& state) {
    return {{"filled", time(state.filled)}, {"used", state.used}};
}

static TokenBucket::State bucket_of(const json& item) {
    return {.filled = time_of(item.at("filled")), .used = item.at("used").get<double>()};
}

static json refusals(const RefusalCounts& counts) {
    json items = json::object();
    for (std::size_t i = 0; i < kRefusals; ++i) {
        const auto refusal = static_cast<Refusal>(i);
        if (counts.of(refusal) != 0) items[refusal_key(refusal)] = counts.of(refusal);
    }
    return items;
}

// Reasons that only the other binary knows are left out.
static RefusalCounts refusals_of(const json& items) {
    RefusalCounts counts;
    for (const auto& [key, count] : items.items())
        if (const auto refusal = refusal_of_key(key))
            counts.add(*refusal, count.get<std::uint64_t>());
    return counts;
}

json source(const SourceKey& key) {
    return hex({reinterpret_cast<const char*>(key.bytes.data()), key.bytes.size()});
}

SourceKey source_of(const json& item) {
    const std::string bytes = bytes_of(item);
    SourceKey key;
    if (bytes.size() != key.bytes.size()) throw std::invalid_argument("a source has a wrong size");
    std::copy(bytes.begin(), bytes.end(), key.bytes.begin());
    return key;
}

static json rates(const SourceRates::State& state) {
    json sources = json::array();
    for (const auto& [key, held] : state.sources)
        sources.push_back({{"key", source(key)}, {"bucket", bucket(held)}});
    return {{"prefix_v4", state.prefix.v4},
            {"prefix_v6", state.prefix.v6},
            {"sources", std::move(sources)}};
}

static SourceRates::State rates_of(const json& item) {
    SourceRates::State state{.prefix = {.v4 = number<std::uint8_t>(item.at("prefix_v4"), 1, 32),
                                        .v6 = number<std::uint8_t>(item.at("prefix_v6"), 1, 128)},
                             .sources = {}};
    for (const json& held : item.at("sources"))
        state.sources.emplace_back(source_of(held.at("key")), bucket_of(held.at("bucket")));
    return state;
}

static json histogram(const Histogram& histogram) {
    return {{"counts", histogram.counts()}, {"sum", histogram.sum().count()}};
}

static Histogram histogram_of(const json& item) {
    return {item.at("counts").get<Histogram::Counts>(),
            Histogram::Duration(number<std::int64_t>(item.at("sum"), 0, INT64_MAX))};
}

static json tally(const Tally& tally) {
    json exits = json::array();
    for (const Tally::Exit& exit : tally.exits)
        exits.push_back({exit.signalled, exit.status, exit.times});
    return {{"spawns", histogram(tally.spawns)}, {"sessions", histogram(tally.sessions)},
            {"bytes_in", tally.bytes_in},        {"bytes_out", tally.bytes_out},
            {"datagrams", tally.datagrams},      {"failed_spawns", tally.failed_spawns},
            {"exits", std::move(exits)}};
}

static Tally tally_of(const json& item) {
    Tally tally{.spawns = histogram_of(item.at("spawns")),
                .sessions = histogram_of(item.at("sessions")),
                .bytes_in = item.at("bytes_in").get<std::uint64_t>(),
                .bytes_out = item.at("bytes_out").get<std::uint64_t>(),
                .datagrams = item.at("datagrams").get<std::uint64_t>(),
                .failed_spawns = item.at("failed_spawns").get<std::uint64_t>(),
                .exits = {}};
    for (const json& exit : item.at("exits"))
        tally.exits.push_back({.signalled = exit.at(0).get<bool>(),
                               .status = number(exit.at(1), 0, 255),
                               .times = exit.at(2).get<std::uint64_t>()});
    return tally;
}

static json load(const LoadHistory::State& state) {
    json items = json::array();
    for (const auto& [number, span] : state)
        items.push_back({number, span.accepted, span.refused});
    return items;
}

static LoadHistory::State load_of(const json& items) {
    constexpr std::int64_t kLatest = 1'000'000'000; // the clock counts nanoseconds in 63 bits
    LoadHistory::State state;
    for (const json& item : items)
        state.push_back({number<std::int64_t>(item.at(0), 0, kLatest),
                         {.accepted = item.at(1).get<std::uint32_t>(),
                          .refused = item.at(2).get<std::uint32_t>()}});
    return state;
}

json gate(const Gate::State& state) {
    json item{{"started", state.started},
              {"refused", refusals(state.refused)},
              {"bucket", bucket(state.bucket)},
              {"rates", rates(state.rates)}};
    if (state.last_use) item["last_use"] = time(*state.last_use);
    if (state.tally != Tally()) item["tally"] = tally(state.tally);
    if (!state.load.empty()) item["load"] = load(state.load);
    return item;
}

Gate::State gate_of(const json& item) {
    Gate::State state{.started = item.at("started").get<std::uint64_t>(),
                      .last_use = {},
                      .refused = refusals_of(item.at("refused")),
                      .bucket = bucket_of(item.at("bucket")),
                      .rates = rates_of(item.at("rates")),
                      .tally = {},
                      .load = {}};
    if (item.contains("last_use")) state.last_use = time_of(item["last_use"]);
    // Not told of a service that nobody has used, nor by a daemon that did not count it.
    if (item.contains("tally")) state.tally = tally_of(item["tally"]);
    if (item.contains("load")) state.load = load_of(item["load"]);
    return state;
}

} // namespace inetd::json_fields
