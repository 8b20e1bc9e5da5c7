#pragma once

#include "config/diagnostic.h"
#include "server/options.h"
#include "server/plan.h"
#include "server/reload_result.h"
#include "server/roster.h"

#include <cstddef>
#include <string>

namespace inetd {

// A line in the log for each. Returns the number of errors.
std::size_t log_diagnostics(const Diagnostics& diagnostics);

// What is wrong with the configuration as a whole.
[[nodiscard]] Diagnostic general_error(const Options& options, std::string text);

// What a reload that is applied has changed.
void count_changes(ReloadResult& result, const Plan& plan);

// "12 services, 3 running, 1 failed: tftp"
[[nodiscard]] std::string status_line(const Roster& roster, bool stopping, std::size_t running);

} // namespace inetd
