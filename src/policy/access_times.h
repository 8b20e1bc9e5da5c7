#pragma once

#include "config/model.h"

#include <ctime>
#include <vector>

namespace inetd {

// Whether a local time lies in one of `times`; always, if there are none.
[[nodiscard]] bool is_open(const std::vector<DayTime>& times, const std::tm& local);
// The same for `now`, by the time zone of the process.
[[nodiscard]] bool is_open(const std::vector<DayTime>& times, std::time_t now);

} // namespace inetd
