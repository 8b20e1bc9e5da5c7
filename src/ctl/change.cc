#include "base/text.h"
#include "control/client.h"
#include "ctl/diagnostics.h"
#include "ctl/text.h"
#include "ctl/verbs.h"

#include <CLI/CLI.hpp>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>
#include <fmt/core.h>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace inetd::ctl {

static int reload(const Context& context) {
    const Answer answer = reload_configuration(context);
    if (!answer) return answer.code;
    const Json& result = answer.parameters;
    const bool applied = result.at("applied").get<bool>();
    if (context.json) {
        print_json(result);
        return applied ? kExitOk : kExitFailed;
    }
    fmt::print(stderr, "{}", diagnostics_text(result.at("diagnostics")));
    if (!applied) {
        const std::size_t errors = count_errors(result.at("diagnostics"));
        complain(fmt::format("reload refused: {} error{}; everything stays as it was", errors,
                             errors == 1 ? "" : "s"));
        return kExitFailed;
    }
    print(fmt::format("{} added, {} removed, {} updated, {} unchanged\n",
                      result.at("added").get<int>(), result.at("removed").get<int>(),
                      result.at("updated").get<int>(), result.at("unchanged").get<int>()));
    return kExitOk;
}

// "TERM", "SIGTERM", "term" or "15".
static std::optional<int> signal_of(std::string name) {
    if (const auto number = to_number<int>(name, 1, SIGRTMAX)) return number;
    if (equal_but_for_case(std::string_view(name).substr(0, 3), "SIG")) name.erase(0, 3);
    for (int signal = 1; signal < SIGRTMIN; ++signal) {
        const char* known = sigabbrev_np(signal);
        if (known != nullptr && equal_but_for_case(known, name)) return signal;
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

static int drain(const Context& context, bool stop) {
    auto client = control::Client::connect(socket_of(context));
    if (!client) return unreachable(context, client.error());
    auto reply = client->call(method_name("Drain"), {{"stop", stop}}, true);
    for (; reply; reply = client->next()) {
        if (!reply->error.empty()) return explain(*reply);
        if (context.json) {
            print_json_line(reply->parameters);
        } else if (reply->continues) {
            print(fmt::format("{} still running\n", reply->parameters.at("running").get<int>()));
        } else {
            print(stop ? "drained and stopped\n" : "drained\n");
        }
        if (!reply->continues) return kExitOk;
    }
    return unreachable(context, reply.error());
}

// The new binary is asked for what it is; it takes calls as soon as it has loaded the
// configuration.
static int look_at_successor(const Context& context, const Json& before) {
    const Answer after = ask(context, "GetStatus");
    if (!after) return after.code;
    if (context.json) print_json(after.parameters);
    const auto generation = [](const Json& status) { return status.at("generation").get<int>(); };
    if (generation(after.parameters) == generation(before)) {
        complain("upgrade refused: the new binary has failed, and the one before goes on; see the "
                 "log of inetd");
        return kExitFailed;
    }
    if (!context.json)
        print(fmt::format("pid {} has changed from version {} to {}\n",
                          after.parameters.at("pid").get<int>(),
                          before.at("version").get<std::string>(),
                          after.parameters.at("version").get<std::string>()));
    return kExitOk;
}

static int upgrade(const Context& context) {
    const Answer before = ask(context, "GetStatus");
    if (!before) return before.code;
    auto client = control::Client::connect(socket_of(context));
    if (!client) return unreachable(context, client.error());
    const auto reply = client->call(method_name("Upgrade"));
    if (reply) return explain(*reply);
    if (reply.error().code != 0 && reply.error().code != ECONNRESET)
        return unreachable(context, reply.error());
    return look_at_successor(context, before.parameters);
}

void add_change_verbs(CLI::App& app, Context& context) {
    add_asking_verb(app, context, "reload", "Read the configuration again; exits with 1 if refused",
                    [&context] { return reload(context); });
    add_kill(app, context);
    const auto stop = std::make_shared<bool>(false);
    add_asking_verb(app, context, "drain",
                    "Serve nobody new, and wait until those who are served have gone",
                    [&context, stop] { return drain(context, *stop); })
        ->add_flag("--stop", *stop, "Then stop inetd");
    add_asking_verb(app, context, "upgrade", "Change to the binary that is installed now",
                    [&context] { return upgrade(context); });
}

} // namespace inetd::ctl
