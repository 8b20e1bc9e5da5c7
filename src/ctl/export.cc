#include "ctl/export.h"

#include "ctl/daemon_program.h"
#include "ctl/export_systemd.h"
#include "ctl/text_file.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fmt/core.h>
#include <memory>
#include <string>
#include <unistd.h>
#include <vector>

namespace inetd::ctl {

namespace {

struct ExportOptions {
    std::vector<std::string> files;
    std::string settings;
    std::string directory; // to write to; empty = standard output
    bool force = false;
};

int fail(const Error& error) {
    fmt::print(stderr, "inetctl: {}\n", error.text());
    return kExitFailed;
}

int write_units(const Exported& exported, const ExportOptions& options) {
    for (const ExportedUnit& unit : exported.units) {
        if (options.directory.empty()) {
            fmt::print("##### {} #####\n{}\n", unit.name, unit.text);
            continue;
        }
        const auto written =
            write_text_file(options.directory + "/" + unit.name, unit.text, options.force);
        if (!written) return fail(written.error());
    }
    return kExitOk;
}

// What applies is the daemon's to say, so that both always agree.
int run_export(const ExportOptions& options) {
    std::vector<std::string> arguments{"--dump=json"};
    if (!options.settings.empty())
        arguments.insert(arguments.end(), {"--settings", options.settings});
    arguments.insert(arguments.end(), options.files.begin(), options.files.end());
    const auto answer = ask_daemon_program(arguments, STDOUT_FILENO);
    if (!answer) return fail(answer.error());
    if (answer->status != kExitOk && answer->status != kExitConfig) return kExitFailed;
    const auto dump = nlohmann::json::parse(answer->text, nullptr, false);
    try {
        const Exported exported = export_systemd(dump);
        for (const std::string& notice : exported.notices)
            fmt::print(stderr, "{}\n", notice);
        const int status = write_units(exported, options);
        return status == kExitOk ? answer->status : status;
    } catch (const nlohmann::json::exception&) {
        return fail({"inetd --dump=json: not the output of this version"});
    }
}

} // namespace

void add_export(CLI::App& app, Context& context) {
    CLI::App* parent = app.add_subcommand("export", "Print the configuration for another program");
    parent->require_subcommand(1);
    CLI::App* systemd =
        parent->add_subcommand("systemd", "Socket and service units for the services");
    auto options = std::make_shared<ExportOptions>();
    systemd->add_option("FILE", options->files, "inetd.conf, or a directory of *.conf files")
        ->default_str("/etc/inetd.conf");
    systemd->add_option("--settings", options->settings, "The settings file, inetd.cfg(5)")
        ->type_name("FILE");
    systemd->add_option("--output", options->directory, "Write the units into this directory")
        ->type_name("DIR");
    systemd->add_flag("--force", options->force, "Replace files that are there");
    systemd->callback(
        [options, &context] { context.run = [options] { return run_export(*options); }; });
}

} // namespace inetd::ctl
