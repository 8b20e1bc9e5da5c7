#pragma once

#include <CLI/CLI.hpp>

namespace inetd::ctl {

// inetctl export systemd. `status` becomes the exit code.
void add_export(CLI::App& app, int& status);

} // namespace inetd::ctl
