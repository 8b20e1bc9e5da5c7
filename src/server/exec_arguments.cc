#include "server/exec_arguments.h"

#include <fmt/core.h>
#include <optional>

namespace inetd {

bool begins_exec(const std::string& argument) {
    return argument == "--exec" || argument.starts_with("--exec=");
}

static Error no_command(const std::string& spec) {
    return Error{
        fmt::format("--exec '{}': no command; write '-- COMMAND [ARGUMENT...]' after it", spec), 0};
}

namespace {

// Goes through the arguments once, from left to right.
class Cutter {
  public:
    explicit Cutter(const std::vector<std::string>& arguments) : arguments_(arguments) {}

    Result<ExecArguments> run();

  private:
    std::optional<Error> take_spec();
    std::optional<Error> take_command();

    const std::vector<std::string>& arguments_;
    std::size_t at_ = 0;
    std::optional<std::string> spec_; // of which the command is still to come
    ExecArguments out_;
};

} // namespace

std::optional<Error> Cutter::take_spec() {
    if (spec_) return no_command(*spec_);
    const std::string& option = arguments_[at_++];
    out_.own.push_back(option);
    if (const auto equals = option.find('='); equals != std::string::npos) {
        spec_ = option.substr(equals + 1);
        return std::nullopt;
    }
    if (at_ == arguments_.size() || arguments_[at_] == "--")
        return Error{"--exec: no socket; write --exec 'tcp 8080' -- COMMAND", 0};
    spec_ = arguments_[at_++];
    out_.own.push_back(*spec_);
    return std::nullopt;
}

std::optional<Error> Cutter::take_command() {
    std::vector<std::string> command;
    while (++at_ < arguments_.size() && !begins_exec(arguments_[at_]))
        command.push_back(arguments_[at_]);
    if (command.empty() || command.front().empty()) return no_command(*spec_);
    out_.commands.push_back(std::move(command));
    spec_.reset();
    return std::nullopt;
}

Result<ExecArguments> Cutter::run() {
    bool options = true; // `--` without an --exec ends them, as in other programs
    while (at_ < arguments_.size()) {
        const std::string& argument = arguments_[at_];
        std::optional<Error> error;
        if (options && begins_exec(argument)) {
            error = take_spec();
        } else if (spec_ && argument == "--") {
            error = take_command();
        } else {
            options = options && argument != "--";
            out_.own.push_back(argument);
            ++at_;
        }
        if (error) return *error;
    }
    if (spec_) return no_command(*spec_);
    return std::move(out_);
}

Result<ExecArguments> cut_commands(const std::vector<std::string>& arguments) {
    return Cutter(arguments).run();
}

} // namespace inetd
