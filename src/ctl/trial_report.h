#pragma once

#include "ctl/trial.h"
#include "ctl/verdict.h"
#include "ctl/witness.h"

#include <string>

namespace inetd::ctl {

// All that `inetctl try` has to say.
struct TrialReport {
    std::string service;   // "ftp/tcp"
    std::string address{}; // empty = none could be tried
    Verdict verdict{};
    Trial trial{};
    Witness::Account account{};
    std::string answer{};
};

[[nodiscard]] Json trial_json(const TrialReport& report);
// Lines without the answer itself.
[[nodiscard]] std::string trial_text(const TrialReport& report);

} // namespace inetd::ctl
