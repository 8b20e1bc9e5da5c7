#include "base/text.h"
#include "ctl/text.h"
#include "ctl/verbs.h"

#include <CLI/CLI.hpp>
#include <climits>
#include <csignal>
#include <cstring>
#include <fmt/format.h>
#include <memory>
#include <optional>
#include <string>
#include <strings.h>
#include <vector>

namespace inetd::ctl {

static std::string text_of(const Json& item) {
    return item.is_string() ? item.get<std::string>() : std::string();
}

// As `inetd --check` prints it: the library of diagnostics is the daemon's.
std::string diagnostic_text(const Json& one) {
    std::string where = text_of(one.at("file"));
    const int line = one.at("line").get<int>();
    const int column = one.at("column").get<int>();
    if (line > 0) where += fmt::format(":{}", line);
    if (line > 0 && column > 0) where += fmt::format(":{}", column);
    std::string out = fmt::format("{}: {}: {}\n", printable(where), text_of(one.at("severity")),
                                  printable(text_of(one.at("text"))));
    const std::string source = printable(text_of(one.at("source")));
    if (line > 0 && !source.empty()) out += source + "\n";
    if (line > 0 && column > 0 && static_cast<std::size_t>(column) <= source.size() + 1)
        out +=
            std::string(
                width_of(std::string_view(source).substr(0, static_cast<std::size_t>(column) - 1)),
                ' ') +
            "^\n";
    if (const std::string hint = text_of(one.at("hint")); !hint.empty())
        out += "hint: " + printable(hint) + "\n";
    return out;
}

static int reload(const Context& context) {
    const Answer answer = ask(context, "Reload");
    if (!answer) return answer.code;
    const Json& result = answer.parameters;
    const bool applied = result.at("applied").get<bool>();
    if (context.json) {
        print_json(result);
        return applied ? kExitOk : kExitFailed;
    }
    std::size_t errors = 0;
    for (const Json& one : result.at("diagnostics")) {
        fmt::print(stderr, "{}", diagnostic_text(one));
        errors += one.at("severity") == "error" ? 1U : 0U;
    }
    if (!applied) {
        complain(fmt::format("reload refused: {} error{}; everything stays as it was", errors,
                             errors == 1 ? "" : "s"));
        return kExitFailed;
    }
    print(fmt::format("{} added, {} removed, {} updated, {} unchanged\n",
                      result.at("added").get<int>(), result.at("removed").get<int>(),
                      result.at("updated").get<int>(), result.at("unchanged").get<int>()));
    return kExitOk;
}

static int hold(const Context& context, const char* method, const std::vector<std::string>& names) {
    const Answer answer = ask(context, method, {{"names", names}});
    if (!answer) return answer.code;
    if (context.json) {
        print_json(answer.parameters);
        return kExitOk;
    }
    for (const Json& one : answer.parameters.at("services"))
        print(fmt::format("{}/{}: {}\n", printable(text_of(one.at("name"))),
                          printable(text_of(one.at("protocol"))), text_of(one.at("state"))));
    return kExitOk;
}

// "TERM", "SIGTERM", "term" or "15".
static std::optional<int> signal_of(std::string name) {
    if (const auto number = to_number<int>(name, 1, SIGRTMAX)) return number;
    if (strncasecmp(name.c_str(), "SIG", 3) == 0) name.erase(0, 3);
    for (int signal = 1; signal < SIGRTMIN; ++signal) {
        const char* known = sigabbrev_np(signal);
        if (known != nullptr && strcasecmp(known, name.c_str()) == 0) return signal;
    }
    return std::nullopt;
}

static int kill(const Context& context, const std::string& target, const std::string& signal) {
    Json parameters = Json::object();
    if (const auto pid = to_number<int>(target, 1, INT_MAX)) {
        parameters["pid"] = *pid;
    } else {
        parameters["name"] = target;
    }
    if (!signal.empty()) parameters["signal"] = *signal_of(signal);
    const Answer answer = ask(context, "Kill", parameters);
    if (!answer) return answer.code;
    const Json& pids = answer.parameters.at("pids");
    if (context.json) {
        print_json(answer.parameters);
    } else if (pids.empty()) {
        print(fmt::format("{}: no server runs\n", printable(target)));
    } else {
        for (const Json& pid : pids)
            print(fmt::format("pid {}: sent {}\n", pid.get<int>(),
                              signal.empty() ? "SIGTERM" : signal));
    }
    return kExitOk;
}

static void add_kill(CLI::App& app, Context& context) {
    struct Choice {
        std::string target;
        std::string signal;
    };
    const auto choice = std::make_shared<Choice>();
    CLI::App* verb = add_asking_verb(
        app, context, "kill", "End the servers of a service, or the one of a pid",
        [&context, choice] { return kill(context, choice->target, choice->signal); });
    verb->add_option("TARGET", choice->target, "NAME, name/protocol or PID")->required();
    verb->add_option("--signal", choice->signal, "Send this signal and no other")
        ->type_name("SIGNAL")
        ->check([](const std::string& text) {
            return signal_of(text) ? std::string() : text + ": no such signal";
        });
}

void add_change_verbs(CLI::App& app, Context& context) {
    add_asking_verb(app, context, "reload", "Read the configuration again; exits with 1 if refused",
                    [&context] { return reload(context); });
    const auto names = std::make_shared<std::vector<std::string>>();
    add_asking_verb(app, context, "pause", "Let the clients of services wait",
                    [&context, names] { return hold(context, "Pause", *names); })
        ->add_option("NAME", *names, "Names of services")
        ->required();
    add_asking_verb(app, context, "resume", "Go on after pause: all services, or those named",
                    [&context, names] { return hold(context, "Resume", *names); })
        ->add_option("NAME", *names, "Names of services");
    add_kill(app, context);
}

} // namespace inetd::ctl
