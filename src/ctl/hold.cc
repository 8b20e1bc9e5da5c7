#include "ctl/fields.h"
#include "ctl/settings_file.h"
#include "ctl/verbs.h"

#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <memory>
#include <string>
#include <vector>

namespace inetd::ctl {

using Names = std::vector<std::string>;

static int print_outcomes(const Context& context, const Json& parameters) {
    if (context.json) {
        print_json(parameters);
        return kExitOk;
    }
    for (const Json& one : parameters.at("services"))
        print(fmt::format("{}: {}\n", service_of(one), text_of(one.at("state"))));
    return kExitOk;
}

static int hold(const Context& context, const char* method, const Names& names) {
    const Answer answer = ask(context, method, {{"names", names}});
    return answer ? print_outcomes(context, answer.parameters) : answer.code;
}

// Into the settings file of the daemon, by whose user that file is written.
static int save(const Context& context, const Names& names, bool enabled) {
    const Answer status = ask(context, "GetStatus");
    if (!status) return status.code;
    const Json& settings = status.parameters.at("settings");
    if (!settings.is_string()) {
        complain("this inetd has no settings file");
        return kExitFailed;
    }
    const auto path = settings.get<std::string>();
    const auto files = status.parameters.at("files").get<Names>();
    for (const std::string& name : names) {
        const auto saved = save_enabled(path, files, name, enabled);
        if (!saved) {
            complain(fmt::format("{} stays as it was: {}", path, saved.error().text()));
            return kExitFailed;
        }
        if (!context.json)
            print(fmt::format("{}: enabled = {} {} {}\n", name, enabled,
                              *saved ? "written to" : "is so already in", path));
    }
    return kExitOk;
}

namespace {
struct Choice {
    Names names;
    bool now = false;
    bool save = false;
};
} // namespace

static int disable(const Context& context, const Choice& choice) {
    if (choice.save) {
        // A name that nobody has would only be found at the next reload.
        for (const std::string& name : choice.names)
            if (const Answer known = ask(context, "Show", {{"name", name}}); !known)
                return known.code;
        const int code = save(context, choice.names, false);
        if (code != kExitOk || !choice.now) return code;
    }
    return hold(context, "Disable", choice.names);
}

// A service that is disabled in a file is unknown to the daemon until it reads that file again.
static int enable(const Context& context, const Choice& choice) {
    if (!choice.save) return hold(context, "Enable", choice.names);
    const int code = save(context, choice.names, true);
    if (code != kExitOk || !choice.now) return code;
    const Answer reloaded = reload_configuration(context);
    if (!reloaded) return reloaded.code;
    if (!reloaded.parameters.at("applied").get<bool>()) {
        complain("the reload was refused; see 'inetctl reload'");
        return kExitFailed;
    }
    return hold(context, "Enable", choice.names);
}

static void add_switch(CLI::App& app, Context& context, const char* name, const char* help,
                       int (*run)(const Context&, const Choice&)) {
    const auto choice = std::make_shared<Choice>();
    CLI::App* verb = add_asking_verb(app, context, name, help,
                                     [&context, choice, run] { return run(context, *choice); });
    verb->add_option("NAME", choice->names, "Names of services")->required();
    verb->add_flag("--save", choice->save, "Write it to inetd.cfg, for the next reload and after");
    verb->add_flag("--now", choice->now, "With --save: at once as well");
}

void add_hold_verbs(CLI::App& app, Context& context) {
    const auto names = std::make_shared<Names>();
    add_asking_verb(app, context, "pause", "Let the clients of services wait",
                    [&context, names] { return hold(context, "Pause", *names); })
        ->add_option("NAME", *names, "Names of services")
        ->required();
    add_asking_verb(app, context, "resume",
                    "Go on after pause or drain: with all services, or those named",
                    [&context, names] { return hold(context, "Resume", *names); })
        ->add_option("NAME", *names, "Names of services");
    add_switch(app, context, "disable", "Close the sockets of services until the next reload",
               disable);
    add_switch(app, context, "enable", "Open the sockets of services again", enable);
}

} // namespace inetd::ctl
