#include "control/client.h"
#include "ctl/fields.h"
#include "ctl/terminal.h"
#include "ctl/text.h"
#include "ctl/verbs.h"

#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <limits>
#include <memory>
#include <string>

namespace inetd::ctl {

static std::string clock_text(const Json& time) {
    return time_text(time.get<double>());
}

static Colour colour_of_level(const std::string& level) {
    if (level == "error") return Colour::red;
    return level == "warning" ? Colour::yellow : Colour::none;
}

static std::string lines_text(const Json& lines, const Terminal& to) {
    std::string out;
    for (const Json& line : lines)
        out += fmt::format(
            "{} {}\n", clock_text(line.at("time")),
            to.coloured(text_of(line.at("text")), colour_of_level(text_of(line.at("level")))));
    return out;
}

static std::string event_text(const Json& event, const Terminal& to) {
    const std::string kind = text_of(event.at("kind"));
    std::string out = clock_text(event.at("time"));
    if (kind == "reload") return out + " " + text_of(event.at("text")) + "\n";
    if (event.at("service").is_string())
        out += fmt::format(" {}/{}", text_of(event.at("service")), text_of(event.at("protocol")));
    out += " " + to.coloured(kind, kind == "refused" ? Colour::yellow : Colour::none);
    if (event.at("peer").is_string()) out += " " + text_of(event.at("peer"));
    if (event.at("pid").is_number()) out += fmt::format(" pid {}", event.at("pid").get<int>());
    if (event.at("text").is_string()) out += ": " + text_of(event.at("text"));
    if (event.at("lasted").is_number())
        out += fmt::format(", {:.3f} s", event.at("lasted").get<double>());
    return out + "\n";
}

static std::string lost_text(const Json& reply, const char* what) {
    const auto lost = reply.at("lost").get<std::uint64_t>();
    return lost == 0 ? "" : fmt::format("... {} {} lost\n", lost, what);
}

// Prints each reply of a stream until the daemon ends it.
template<typename Text>
static int follow(const Context& context, const std::string& method, const Json& parameters,
                  Text text) {
    auto client = control::Client::connect(socket_of(context));
    if (!client) return unreachable(context, client.error());
    auto reply = client->call(method_name(method), parameters, true);
    for (; reply; reply = client->next()) {
        if (!reply->error.empty()) return explain(*reply);
        if (context.json) {
            print_json_line(reply->parameters);
        } else {
            print(text(reply->parameters));
        }
        // Whoever reads this has gone.
        if (std::ferror(stdout) != 0) return kExitFailed;
        if (!reply->continues) return kExitOk;
    }
    return unreachable(context, reply.error());
}

namespace {
struct Choice {
    std::string name;
    int lines = std::numeric_limits<int>::max();
    bool follow = false;
};
} // namespace

static int log(const Context& context, const Choice& choice) {
    Json parameters{{"lines", choice.lines}};
    if (!choice.name.empty()) parameters["name"] = choice.name;
    const Terminal to = terminal();
    if (choice.follow)
        return follow(context, "Log", parameters, [&](const Json& reply) {
            return lost_text(reply, "messages") + lines_text(reply.at("lines"), to);
        });
    const Answer answer = ask(context, "Log", parameters);
    if (!answer) return answer.code;
    if (context.json) {
        print_json(answer.parameters);
    } else {
        print(lines_text(answer.parameters.at("lines"), to));
    }
    return kExitOk;
}

static int monitor(const Context& context, const std::string& name) {
    Json parameters = Json::object();
    if (!name.empty()) parameters["name"] = name;
    const Terminal to = terminal();
    return follow(context, "Monitor", parameters, [&](const Json& reply) {
        const Json& event = reply.at("event");
        return lost_text(reply, "events") + (event.is_null() ? "" : event_text(event, to));
    });
}

void add_watch_verbs(CLI::App& app, Context& context) {
    const auto choice = std::make_shared<Choice>();
    CLI::App* verb = add_asking_verb(app, context, "log", "Show the last messages of inetd",
                                     [&context, choice] { return log(context, *choice); });
    verb->add_option("NAME", choice->name, "Only those about this service");
    verb->add_flag("-f,--follow", choice->follow, "And then each new one");
    verb->add_option("-n,--lines", choice->lines, "Only so many of the last")
        ->type_name("N")
        ->check(CLI::NonNegativeNumber);
    const auto name = std::make_shared<std::string>();
    add_asking_verb(app, context, "monitor", "Show what happens, as it happens", [&context, name] {
        return monitor(context, *name);
    })->add_option("NAME", *name, "Only to this service");
}

} // namespace inetd::ctl
