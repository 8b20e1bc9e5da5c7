#pragma once

#include "server/state.h"

#include <string>

namespace inetd {

// The state for people. `headline` is the daemon's own sentence.
[[nodiscard]] std::string state_text(const std::string& headline, const State& state);

} // namespace inetd
