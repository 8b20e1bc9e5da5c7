#pragma once

#include "config/load.h"

#include <chrono>
#include <optional>
#include <string>

namespace inetd {

// What the command line says, beyond what LoadOptions holds of it.
struct Options {
    LoadOptions load;
    bool foreground = false;
    bool debug = false;
    bool keep_environment = false; // -E
    bool log_connections = false;  // -l
    bool strict = false;
    std::optional<std::string> pid_file;
    std::chrono::milliseconds idle_timeout = std::chrono::minutes(5);
    std::chrono::milliseconds stop_timeout = std::chrono::seconds(10);
};

} // namespace inetd
