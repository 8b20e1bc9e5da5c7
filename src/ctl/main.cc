#include "ctl/import.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <fmt/format.h>
#include <string>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace {

enum ExitCode { kExitOk = 0, kExitRuntime = 1, kExitUsage = 2 };

// The daemon's binary of this installation: beside inetctl, or in the sbin next to its bin.
std::filesystem::path find_daemon() {
    std::error_code error;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
    for (const auto& candidate : {self / "inetd", self / "../sbin/inetd"}) {
        if (access(candidate.c_str(), X_OK) == 0) return candidate;
    }
    return "/usr/sbin/inetd";
}

// The checker is the daemon itself, so that both always agree.
int check(const std::vector<std::string>& files) {
    const std::string daemon = find_daemon().string();
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
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? kExitOk : kExitUsage;
    }
    return checker->parsed() ? check(files) : status;
}
