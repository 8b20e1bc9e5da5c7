#pragma once

#include <CLI/CLI.hpp>

namespace inetd::ctl {

// inetctl import xinetd | systemd. `status` becomes the exit code.
void add_import(CLI::App& app, int& status);

} // namespace inetd::ctl
