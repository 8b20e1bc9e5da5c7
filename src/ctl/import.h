#pragma once

#include "ctl/context.h"

namespace inetd::ctl {

// inetctl import xinetd | systemd.
void add_import(CLI::App& app, Context& context);

} // namespace inetd::ctl
