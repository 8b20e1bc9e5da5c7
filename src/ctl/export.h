#pragma once

#include "ctl/context.h"

namespace inetd::ctl {

// inetctl export systemd.
void add_export(CLI::App& app, Context& context);

} // namespace inetd::ctl
