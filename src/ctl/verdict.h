#pragma once

#include "ctl/trial.h"
#include "ctl/way.h"
#include "ctl/witness.h"

#include <string>

namespace inetd::ctl {

// What a trial says about a service. The outcomes and codes are those of inetctl(1).
struct Verdict {
    const char* outcome = "answered";
    int code = kExitOk;
    std::string text;   // "works: 26 bytes came, ..."
    std::string advice; // empty = there is none
};

struct Evidence {
    const Json& details; // of the service, when it was over
    const Opening& opening;
    const Way& way;
    const Trial& trial;
    const Witness::Account& account;
    const std::string& answer;
};

[[nodiscard]] Verdict verdict_of(const Evidence& evidence);

// "0.3 ms", "1.25 s"
[[nodiscard]] std::string span_text(double seconds);

} // namespace inetd::ctl
