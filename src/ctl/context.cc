#include "ctl/context.h"

#include "control/client.h"
#include "control/descriptions.h"
#include "ctl/text.h"

#include <CLI/CLI.hpp>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

namespace inetd::ctl {

std::string socket_of(const Context& context) {
    if (!context.socket.empty()) return context.socket;
    const char* mine = getenv("XDG_RUNTIME_DIR");
    if (geteuid() != 0 && mine != nullptr && *mine == '/') {
        std::string path = std::string(mine) + "/inetd/control";
        if (access(path.c_str(), F_OK) == 0) return path;
    }
    return "/run/inetd/control";
}

CLI::App* add_verb(CLI::App& app, Context& context, const char* name, const char* help,
                   std::function<int()> run) {
    CLI::App* verb = app.add_subcommand(name, help);
    verb->fallthrough();
    verb->callback([&context, run = std::move(run)] { context.run = run; });
    return verb;
}

CLI::App* add_asking_verb(CLI::App& app, Context& context, const char* name, const char* help,
                          std::function<int()> run) {
    CLI::App* verb = add_verb(app, context, name, help, std::move(run));
    verb->add_flag("--json", context.json, "Print what the daemon answers, as JSON");
    return verb;
}

void complain(const std::string& text) {
    fmt::print(stderr, "inetctl: {}\n", text);
}

void print(const std::string& text) {
    static_cast<void>(std::fwrite(text.data(), 1, text.size(), stdout));
    // Some verbs go on for long, and their reader may be a program.
    static_cast<void>(std::fflush(stdout));
}

// JSON has to escape U+0000 to U+001F, but neither U+007F nor what follows: a terminal takes U+009B
// for the beginning of a sequence, and it may come from a client or an answer.
static std::string json_text(const Json& json, int indent) {
    const bool only_ascii = isatty(STDOUT_FILENO) != 0;
    return json.dump(indent, ' ', only_ascii, Json::error_handler_t::replace) + "\n";
}

void print_json(const Json& json) {
    print(json_text(json, 2));
}

void print_json_line(const Json& json) {
    print(json_text(json, -1));
}

std::string method_name(const std::string& method) {
    return fmt::format("{}.{}", control::kControl, method);
}

int unreachable(const Context& context, const Error& error) {
    const std::string why = error.code != 0 ? strerrordesc_np(error.code) : error.what;
    const bool nobody = error.code == ECONNREFUSED || error.code == ENOENT;
    complain(fmt::format("cannot reach inetd at {}: {}{}", socket_of(context), why,
                         nobody ? "; is it running?" : ""));
    return kExitUnreachable;
}

// The name without its interface.
static std::string short_name(const std::string& error) {
    return error.substr(error.rfind('.') + 1);
}

int explain(const control::Reply& reply) {
    const std::string name = short_name(reply.error);
    const auto text = [&](const char* key) {
        const auto found = reply.parameters.find(key);
        if (found == reply.parameters.end()) return std::string();
        return printable(found->is_string() ? found->get<std::string>() : found->dump());
    };
    if (reply.error == control::kNoSuchService) {
        complain(text("name") + ": no such service");
        return kExitNoService;
    }
    if (reply.error == control::kNoSuchProcess) {
        complain(fmt::format("pid {} is no server of this inetd (a service of that name is "
                             "{}/PROTOCOL)",
                             text("pid"), text("pid")));
        return kExitNoService;
    }
    if (reply.error == control::kBusy) {
        complain("all connections of inetd for this are in use; try again later");
        return kExitUnreachable;
    }
    if (reply.error == control::kUpgradeRefused) {
        complain("upgrade refused: " + text("reason") + "; the running daemon goes on");
    } else if (reply.error == control::kNotNow) {
        complain("not now: " + text("reason"));
    } else if (name == "PermissionDenied") {
        complain("permission denied: this is for root and the user that inetd was started as");
    } else if (name == "MethodNotFound" || name == "InterfaceNotFound") {
        complain("this inetd does not know how to do that; is it an older one?");
    } else if (name == "InvalidParameter") {
        complain(text("parameter") + ": inetd does not take this value");
    } else {
        complain(fmt::format("{}: {}", printable(reply.error), printable(reply.parameters.dump())));
    }
    return kExitFailed;
}

Answer ask(const Context& context, const std::string& method, Json parameters) {
    auto client = control::Client::connect(socket_of(context));
    if (!client) return {unreachable(context, client.error())};
    const auto reply = client->call(method_name(method), std::move(parameters));
    if (!reply) return {unreachable(context, reply.error())};
    if (!reply->error.empty()) return {explain(*reply)};
    return {kExitOk, reply->parameters};
}

Answer reload_configuration(const Context& context) {
    constexpr std::chrono::seconds kPatience{15};
    auto client = control::Client::connect(socket_of(context));
    if (!client) return {unreachable(context, client.error())};
    const auto reply = client->call(method_name("Reload"));
    if (!reply) return {unreachable(context, reply.error())};
    if (!reply->error.empty()) return {explain(*reply)};
    if (reply->parameters.at("anew").get<bool>()) {
        const auto last = client->next(kPatience);
        if (last || last.error().code == ETIMEDOUT) {
            complain("the reload is still under way, or has failed; see the log of inetd");
            return {kExitFailed};
        }
        if (const Answer after = ask(context, "GetStatus"); !after) return {after.code};
    }
    return {kExitOk, reply->parameters};
}

} // namespace inetd::ctl
