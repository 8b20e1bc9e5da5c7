#pragma once

#include "event/loop.h"
#include "server/launcher.h"
#include "server/roster.h"

#include <string>

namespace inetd {

// The state of every service, every socket and every server, for people. `headline` is the
// daemon's own sentence.
[[nodiscard]] std::string state_text(const std::string& headline, const Roster& roster,
                                     const Launcher& launcher, TimePoint now);

} // namespace inetd
