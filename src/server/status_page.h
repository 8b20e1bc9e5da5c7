#pragma once

#include "server/overview.h"
#include "server/state.h"

#include <ctime>
#include <string>
#include <string_view>

namespace inetd {

struct StatusPage {
    const About& about;
    const State& state; // with its loads
    std::string host;   // the name of this machine
    std::time_t now = 0;
    unsigned refresh = 0; // seconds, as the reader has asked for it; 0 = it is not
};

// One page of HTML that needs nothing else: no script, no file, no other page. Pure but for the
// time zone.
[[nodiscard]] std::string status_html(const StatusPage& page);

// What the browser is told beside it, each line ended by CR LF: that nothing else belongs to the
// page (Content-Security-Policy), and when to load it again.
[[nodiscard]] std::string status_fields(unsigned refresh);

// The same for a query like "refresh=10": 1 to 3600, or else 0.
[[nodiscard]] unsigned refresh_of(std::string_view query);

} // namespace inetd
