#include "server/difference.h"

#include "config/effective.h"
#include "config/ports.h"
#include "net/socket.h"
#include "server/plan.h"

#include <algorithm>
#include <fmt/format.h>

namespace inetd {

using Pairs = std::vector<std::pair<std::string, std::string>>;

// All that makes a service what it is: first what its line says in columns, then the keys.
static Pairs values_of(const ServiceConfig& config) {
    std::vector<std::string> addresses;
    for (const ListenSpec& spec : config.listen)
        addresses.push_back(spec.address.to_string());
    std::string program = fmt::format("internal {}", builtin_name(config.builtin));
    if (config.program)
        program = fmt::format("{} {}", config.program->path, fmt::join(config.program->argv, " "));
    Pairs pairs{{"name", config.name},
                {"protocol", config.terms->protocol},
                {"listen", fmt::format("{}", fmt::join(addresses, " "))},
                {"type", socket_type_name(config.type())},
                {"wait", config.wait ? "wait" : "nowait"},
                {"user", config.terms->account->user},
                {"program", program}};
    for (EffectiveValue& one : effective_values(config))
        pairs.emplace_back(one.key, std::move(one.value));
    return pairs;
}

static std::string value_in(const Pairs& pairs, const std::string& key) {
    const auto found = std::find_if(pairs.begin(), pairs.end(),
                                    [&](const auto& pair) { return pair.first == key; });
    return found == pairs.end() ? std::string() : found->second;
}

static std::vector<Change::Value> changed_values(const ServiceConfig& before,
                                                 const ServiceConfig& after) {
    const Pairs old = values_of(before);
    const Pairs fresh = values_of(after);
    std::vector<Change::Value> changed;
    for (const auto& [key, value] : fresh) {
        const std::string was = value_in(old, key);
        if (was != value) changed.push_back({key, was, value});
    }
    // What has no effect any more.
    for (const auto& was : old) {
        const bool known = std::any_of(fresh.begin(), fresh.end(),
                                       [&](const auto& pair) { return pair.first == was.first; });
        if (!known && !was.second.empty()) changed.push_back({was.first, was.second, {}});
    }
    return changed;
}

std::vector<Change> difference(const std::vector<ServiceConfigPtr>& running,
                               const std::vector<ServiceConfigPtr>& wanted) {
    const Plan plan = plan_reload(running, wanted);
    std::vector<Change> changes;
    std::vector<bool> stays(running.size(), false);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        const auto before = plan.targets[i].successor_of;
        if (before) stays[*before] = true;
        if (!before) {
            changes.push_back({Change::Kind::added, wanted[i], {}});
        } else if (!same_service(*running[*before], *wanted[i])) {
            changes.push_back(
                {Change::Kind::changed, wanted[i], changed_values(*running[*before], *wanted[i])});
        }
    }
    for (std::size_t i = 0; i < running.size(); ++i) {
        if (!stays[i]) changes.push_back({Change::Kind::removed, running[i], {}});
    }
    return changes;
}

} // namespace inetd
