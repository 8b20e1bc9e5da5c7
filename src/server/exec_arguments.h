#pragma once

#include "base/result.h"

#include <string>
#include <vector>

namespace inetd {

// The arguments of inetd, without the commands that stand among them.
struct ExecArguments {
    std::vector<std::string> own; // as many --exec with a SPEC as there are commands
    std::vector<std::vector<std::string>> commands; // none is empty
};

// Takes the command of each `--exec SPEC ... -- COMMAND [ARGUMENT...]` out of the arguments
// (without argv[0]). Between SPEC and `--` there may be anything else that inetd is told; a command
// goes on to the next --exec.
[[nodiscard]] Result<ExecArguments> cut_commands(const std::vector<std::string>& arguments);

// Whether a new --exec begins with this argument.
[[nodiscard]] bool begins_exec(const std::string& argument);

} // namespace inetd
