#pragma once

#include "server/options.h"

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace inetd {

// What inetd is called with. File names are absolute: the daemon goes to the root directory.
struct CommandLine {
    Options options;
    bool check = false;
    std::string dump{};             // "text" or "json"; empty = not asked for
    std::vector<std::string> specs; // of the --exec; their commands are in options.load
    std::string pid_file;           // empty: none
    // Said by a daemon to the binary that takes its place: the descriptors of the hand-over and of
    // its own binary; -1: there is no way back.
    std::optional<std::pair<int, int>> take_over;
};

// Or the exit status, if all is said already: help, the version, what is wrong with the arguments.
[[nodiscard]] std::variant<CommandLine, int> parse_command_line(int argc, char** argv);

} // namespace inetd
