#pragma once

#include "config/diagnostic.h"
#include "config/draft.h"
#include "config/exec.h"
#include "config/model.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace inetd {

// Whether this machine has an IPv6 address at present.
[[nodiscard]] bool machine_has_ipv6();

// What the command line says beneath the files: these override it, but for `daemon`.
struct LoadOptions {
    std::vector<std::string> paths;        // inetd.conf files or directories of *.conf
    std::vector<ExecService> execs;        // before all files
    std::vector<std::string> program_path; // where programs of execs are; absolute
    std::string settings;                  // inetd.cfg; empty = none
    bool settings_required = false;        // it must not be absent
    std::string default_address;           // -a: numeric address or host name; empty = all
    Limits default_limits;                 // -c -C -s -R
    int default_backlog = 0;               // -q
    DaemonSettings daemon;                 // with what the options say of them
    std::vector<std::string_view> given;   // the keys of the settings file that options have set
    bool trace = false;                    // keep the drafts, for effective_text()
    bool ipv6 = machine_has_ipv6();        // false: bare "tcp" opens an IPv4 socket only
};

struct Loaded {
    std::vector<ServiceConfigPtr> services; // the good lines, in the order of the files
    Diagnostics diagnostics;                // of all files; a line with an error yields no service
    DaemonSettings daemon;
    std::vector<Origin> daemon_origins;
    // Only with `trace`: of all lines without errors, also of those that are not enabled.
    std::vector<Draft> drafts;
};

// An error in the settings file that is not in an entry for one service leaves no services at all:
// they might lack what keeps them safe. Reads, parses, resolves (users, service names, host names,
// programs: NSS and the file system are asked here and never later) and checks across lines. Never
// logs, never exits.
[[nodiscard]] Loaded load_config(const LoadOptions& options);

// The same for texts that stand in no file; `name` is what diagnostics call that of inetd.conf, and
// `options.settings` that of inetd.cfg.
[[nodiscard]] Loaded load_config_text(const std::string& text, const std::string& name,
                                      const LoadOptions& options, const std::string& settings = {});

} // namespace inetd
