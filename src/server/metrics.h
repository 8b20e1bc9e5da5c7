#pragma once

#include "server/open_metrics.h"
#include "server/overview.h"
#include "server/state.h"

#include <string>

namespace inetd {

// What the daemon counts and measures. The names are documented in inetd(8).
[[nodiscard]] std::string metrics_text(const About& about, const State& state,
                                       OpenMetrics::Format format);

} // namespace inetd
