#include "ctl/verbs.h"

#include <CLI/CLI.hpp>
#include <cerrno>
#include <filesystem>
#include <fmt/format.h>
#include <memory>
#include <string>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace inetd::ctl {

// The daemon's binary of this installation: beside inetctl, or in the sbin next to its bin.
static std::filesystem::path find_daemon() {
    std::error_code error;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
    for (const auto& candidate : {self / "inetd", self / "../sbin/inetd"}) {
        if (access(candidate.c_str(), X_OK) == 0) return candidate;
    }
    return "/usr/sbin/inetd";
}

// The checker is the daemon itself, so that both always agree.
static int check(const std::vector<std::string>& files) {
    const std::string daemon = find_daemon().string();
    std::vector<const char*> arguments{"inetd", "--check"};
    for (const std::string& file : files)
        arguments.push_back(file.c_str());
    arguments.push_back(nullptr);
    execv(daemon.c_str(), const_cast<char* const*>(arguments.data()));
    complain(fmt::format("{}: {}", daemon, std::generic_category().message(errno)));
    return kExitFailed;
}

void add_check_verbs(CLI::App& app, Context& context) {
    const auto files = std::make_shared<std::vector<std::string>>();
    add_verb(app, context, "check", "Check a configuration; exits with 0, or 78 if it has errors",
             [files] { return check(*files); })
        ->add_option("FILE", *files, "inetd.conf, or a directory of *.conf files")
        ->default_str("/etc/inetd.conf");
}

} // namespace inetd::ctl
