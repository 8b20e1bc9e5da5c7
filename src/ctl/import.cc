#include "ctl/import.h"

#include "base/text.h"
#include "ctl/import_systemd.h"
#include "ctl/import_xinetd.h"
#include "ctl/imported_text.h"
#include "ctl/text_file.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <fmt/core.h>
#include <memory>
#include <string>
#include <vector>

namespace inetd::ctl {

namespace {

struct ImportOptions {
    std::vector<std::string> sources;
    std::string conf; // files to write; empty = standard output
    std::string cfg;
    std::string directory; // for both
    bool force = false;
};

int fail(const Error& error) {
    fmt::print(stderr, "inetctl: {}\n", error.text());
    return kExitFailed;
}

int write(const Imported& imported, const ImportOptions& options) {
    std::string conf_file = options.conf;
    std::string cfg_file = options.cfg;
    if (!options.directory.empty()) {
        conf_file = options.directory + "/inetd.conf";
        cfg_file = options.directory + "/inetd.cfg";
    }
    const std::string conf = conf_text(imported);
    const std::string cfg = cfg_text(imported);
    for (const auto& [file, text] : {std::pair(conf_file, conf), std::pair(cfg_file, cfg)}) {
        if (file.empty()) continue;
        if (const auto written = write_text_file(file, text, options.force); !written)
            return fail(written.error());
    }
    if (conf_file.empty()) fmt::print("##### inetd.conf #####\n{}", conf);
    if (cfg_file.empty()) fmt::print("##### inetd.cfg #####\n{}", cfg);
    return kExitOk;
}

bool is_error(const Notice& notice) {
    return notice.kind == Notice::Kind::error;
}

bool has_errors(const Imported& imported) {
    const auto any = [](const std::vector<Notice>& notices) {
        return std::any_of(notices.begin(), notices.end(), is_error);
    };
    return any(imported.notices) ||
           std::any_of(imported.services.begin(), imported.services.end(),
                       [&](const ImportedService& service) { return any(service.notices); });
}

int finish(const Imported& imported, const ImportOptions& options) {
    static_cast<void>(std::fputs(notices_text(imported).c_str(), stderr));
    if (imported.services.empty()) return fail({"no service found"});
    const int status = write(imported, options);
    if (status != kExitOk) return status;
    return has_errors(imported) ? kExitConfig : kExitOk;
}

// Whether there is a rule in hosts_access(5); xinetd would ask for each client.
bool has_tcp_wrappers() {
    for (const char* file : {"/etc/hosts.allow", "/etc/hosts.deny"}) {
        const auto text = read_text_file(file);
        if (!text) continue;
        for (const std::string_view line : split(*text, '\n'))
            if (!trimmed(line).empty() && trimmed(line).front() != '#') return true;
    }
    return false;
}

int import_from_xinetd(const ImportOptions& options) {
    XinetdFiles files;
    for (const std::string& source : options.sources)
        read_xinetd(source, files);
    return finish(import_xinetd(files, has_tcp_wrappers()), options);
}

int import_from_systemd(const ImportOptions& options) {
    return finish(import_systemd(options.sources), options);
}

void add_source(CLI::App& parent, const char* name, const char* help, const char* what,
                const char* default_source, int (*run)(const ImportOptions&), Context& context) {
    auto options = std::make_shared<ImportOptions>();
    CLI::App* app = parent.add_subcommand(name, help);
    auto* sources = app->add_option("SOURCE", options->sources, what);
    if (default_source != nullptr) {
        options->sources = {default_source};
        sources->default_str(default_source);
    } else {
        sources->required();
    }
    auto* directory = app->add_option("--output", options->directory,
                                      "Write inetd.conf and inetd.cfg into this directory");
    directory->type_name("DIR");
    app->add_option("--conf", options->conf, "Write the lines of inetd.conf to this file")
        ->type_name("FILE")
        ->excludes(directory);
    app->add_option("--cfg", options->cfg, "Write the settings of inetd.cfg to this file")
        ->type_name("FILE")
        ->excludes(directory);
    app->add_flag("--force", options->force, "Replace files that are there");
    app->callback(
        [options, run, &context] { context.run = [options, run] { return run(*options); }; });
}

} // namespace

void add_import(CLI::App& app, Context& context) {
    CLI::App* import =
        app.add_subcommand("import", "Print the configuration that does what another's does");
    import->require_subcommand(1);
    add_source(*import, "xinetd", "From files of xinetd.conf(5)",
               "Files, or directories as 'includedir' takes them", "/etc/xinetd.conf",
               import_from_xinetd, context);
    add_source(*import, "systemd", "From socket units of systemd",
               "Socket units, by their names or as files", nullptr, import_from_systemd, context);
}

} // namespace inetd::ctl
