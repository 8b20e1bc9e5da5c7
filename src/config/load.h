#pragma once

#include "config/diagnostic.h"
#include "config/model.h"

#include <optional>
#include <string>
#include <vector>

namespace inetd {

// Whether this machine has an IPv6 address at present.
[[nodiscard]] bool machine_has_ipv6();

// What the command line says beneath the files: a column of a line overrides it.
struct LoadOptions {
    std::vector<std::string> paths; // inetd.conf files or directories of *.conf
    std::string default_address;    // -a: numeric address or host name; empty = all
    Limits default_limits;          // -c -C -s -R
    int default_backlog = 0;        // -q
    bool ipv6 = machine_has_ipv6(); // false: bare "tcp" opens an IPv4 socket only
};

struct Loaded {
    std::vector<ServiceConfigPtr> services; // the good lines, in the order of the files
    Diagnostics diagnostics;                // of all files; a line with an error yields no service
};

// Reads, parses, resolves (users, service names, host names, programs: NSS and the file system are
// asked here and never later) and checks across lines. Never logs, never exits.
[[nodiscard]] Loaded load_config(const LoadOptions& options);

// The same for a text that stands in no file; `name` is what diagnostics call it.
[[nodiscard]] Loaded load_config_text(const std::string& text, const std::string& name,
                                      const LoadOptions& options);

} // namespace inetd
