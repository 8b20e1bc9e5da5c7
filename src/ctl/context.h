#pragma once

#include "control/message.h"

#include <functional>
#include <string>

namespace CLI {
class App;
}

namespace inetd::ctl {

using control::Json;

// Documented in inetctl(1).
enum ExitCode {
    kExitOk = 0,
    kExitFailed = 1,
    kExitUsage = 2,
    kExitNoService = 3,
    kExitUnreachable = 4,
    kExitSilent = 5,
    kExitConfig = 78
};

// What the command line says, shared by all verbs.
struct Context {
    std::string socket;       // of the daemon; empty = where it is by default
    bool json = false;        // the reply as it came
    std::function<int()> run; // the verb that was chosen: returns the exit code
};

// Where the daemon of this user, or else that of the system, listens.
[[nodiscard]] std::string socket_of(const Context& context);

// A subcommand that calls `run`. It takes the options of the program as well.
CLI::App* add_verb(CLI::App& app, Context& context, const char* name, const char* help,
                   std::function<int()> run);
// The same with --json.
CLI::App* add_asking_verb(CLI::App& app, Context& context, const char* name, const char* help,
                          std::function<int()> run);

// With the interface before it.
[[nodiscard]] std::string method_name(const std::string& method);

// What the daemon answers. Where it does not, or answers with an error, that is on standard error
// already, and the code is what to exit with.
struct Answer {
    int code = kExitOk;
    Json parameters{};
    explicit operator bool() const { return code == kExitOk; }
};
// `method` without the interface.
[[nodiscard]] Answer ask(const Context& context, const std::string& method,
                         Json parameters = Json::object());
// Calls Reload. A daemon that is executed anew for it takes calls again, or 15 seconds have gone
// by, which is a failure.
[[nodiscard]] Answer reload_configuration(const Context& context);
// Says on standard error what an error reply means; the code to exit with.
int explain(const control::Reply& reply);
int unreachable(const Context& context, const Error& error);

// "inetctl: ..." on standard error.
void complain(const std::string& text);
// All of it at once on standard output.
void print(const std::string& text);
// To a terminal in ASCII alone, which does it no harm.
void print_json(const Json& json);
// On one line, for streams.
void print_json_line(const Json& json);

} // namespace inetd::ctl
