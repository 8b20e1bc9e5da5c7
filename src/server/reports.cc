#include "server/reports.h"

#include "log/log.h"

#include <fmt/core.h>

namespace inetd {

std::size_t log_diagnostics(const Diagnostics& diagnostics) {
    std::size_t errors = 0;
    for (const Diagnostic& diagnostic : diagnostics) {
        const bool error = diagnostic.severity == Diagnostic::Severity::error;
        errors += error ? 1 : 0;
        log::print(error ? log::Level::error : log::Level::warning, "{}{}", diagnostic.headline(),
                   diagnostic.hint.empty() ? "" : "; " + diagnostic.hint);
    }
    return errors;
}

Diagnostic general_error(const Options& options, std::string text) {
    Diagnostic diagnostic;
    if (!options.load.paths.empty()) diagnostic.file = options.load.paths.front();
    if (!options.load.settings.empty()) diagnostic.file = options.load.settings;
    diagnostic.text = std::move(text);
    return diagnostic;
}

void count_changes(ReloadResult& result, const Plan& plan) {
    result.applied = true;
    result.added = plan.added;
    result.removed = plan.removed;
    result.updated = plan.updated;
    result.unchanged = plan.unchanged;
    result.text = fmt::format("reload: {} added, {} removed, {} updated, {} unchanged", plan.added,
                              plan.removed, plan.updated, plan.unchanged);
}

std::string status_line(const Roster& roster, bool stopping, std::size_t running) {
    constexpr std::size_t kNamed = 5;
    std::size_t failed = 0;
    std::string names;
    for (const Service& service : roster.services()) {
        if (stopping || !service.failed()) continue;
        if (++failed <= kNamed) names += (failed == 1 ? "" : ", ") + service.name();
    }
    if (failed > kNamed) names += ", ...";
    const std::size_t services = roster.services().size();
    return fmt::format("{}{} service{}, {} running{}", stopping ? "stopping: " : "", services,
                       services == 1 ? "" : "s", running,
                       failed != 0 ? fmt::format(", {} failed: {}", failed, names) : "");
}

} // namespace inetd
