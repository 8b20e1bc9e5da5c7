#include "ctl/daemon_program.h"
#include "ctl/export.h"
#include "ctl/import.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fmt/format.h>
#include <string>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace {

enum ExitCode { kExitOk = 0, kExitRuntime = 1, kExitUsage = 2 };

// The checker is the daemon itself, so that both always agree.
int check(const std::vector<std::string>& files) {
    const std::string daemon = inetd::ctl::daemon_program();
    std::vector<const char*> arguments{"inetd", "--check"};
    for (const std::string& file : files)
        arguments.push_back(file.c_str());
    arguments.push_back(nullptr);
    execv(daemon.c_str(), const_cast<char* const*>(arguments.data()));
    fmt::print(stderr, "inetctl: {}: {}\n", daemon, std::generic_category().message(errno));
    return kExitRuntime;
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app("Looks after inetd.", "inetctl");
    std::vector<std::string> files;
    app.set_version_flag("--version", "inetctl " INETD_VERSION);
    app.require_subcommand(1);
    CLI::App* checker =
        app.add_subcommand("check", "Check a configuration; exits with 0, or 78 if it has errors");
    checker->add_option("FILE", files, "inetd.conf, or a directory of *.conf files")
        ->default_str("/etc/inetd.conf");
    int status = kExitOk;
    inetd::ctl::add_import(app, status);
    inetd::ctl::add_export(app, status);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? kExitOk : kExitUsage;
    }
    return checker->parsed() ? check(files) : status;
}
