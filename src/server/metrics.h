#pragma once

#include "server/measures.h"
#include "server/open_metrics.h"
#include "server/overview.h"

#include <string>

namespace inetd {

// What the daemon counts and measures. The names and labels are documented in inetd(8). There are
// as many lines as the configuration has services, times what can become of a client.
[[nodiscard]] std::string metrics_text(const About& about, const Measures& measures,
                                       OpenMetrics::Format format);

} // namespace inetd
