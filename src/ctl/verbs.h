#pragma once

#include "ctl/context.h"

namespace inetd::ctl {

// The verbs by families, each in a file of its own. To be called once, before the command line is
// parsed.
void add_overview_verbs(CLI::App& app, Context& context); // status, list, metrics
void add_show_verbs(CLI::App& app, Context& context);     // show
void add_watch_verbs(CLI::App& app, Context& context);    // log, monitor
void add_try_verbs(CLI::App& app, Context& context);      // try
void add_top_verbs(CLI::App& app, Context& context);      // top
void add_check_verbs(CLI::App& app, Context& context);    // check, diff
void add_hold_verbs(CLI::App& app, Context& context);     // pause, resume, disable, enable
void add_change_verbs(CLI::App& app, Context& context);   // reload, kill, drain, upgrade

} // namespace inetd::ctl
