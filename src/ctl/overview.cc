#include "ctl/fields.h"
#include "ctl/table.h"
#include "ctl/text.h"
#include "ctl/verbs.h"

#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <memory>

namespace inetd::ctl {

static std::string ago(const Json& time) {
    if (time.is_null()) return "never";
    return duration_text(calendar_now() - time.get<double>()) + " ago";
}

// One fact a line, names and values below one another.
static std::string fact(std::string_view name, const std::string& value) {
    constexpr int kNames = 14;
    return fmt::format("{:<{}}{}\n", name, kNames, value);
}

static std::string failures_text(const Json& failures, const Terminal& terminal) {
    if (failures.empty()) return {};
    Table table;
    table.add_column("FAILED", Table::Column::left);
    table.add_column("ADDRESS", Table::Column::left);
    table.add_column("REASON", Table::Column::shrinking);
    for (const Json& one : failures)
        table.add_row({{one.at("service").get<std::string>(), Colour::red},
                       {one.at("address").get<std::string>()},
                       {one.at("reason").get<std::string>()}});
    return "\n" + table.text(terminal);
}

// "cap_kill cap_setuid",
// "uid 65534, no capabilities, no new privileges, system calls filtered"
static std::string privileges_text(const Json& privileges) {
    // More than a person reads: root that has given up nothing.
    constexpr std::size_t kMany = 20;
    const Json& all = privileges.at("capabilities");
    std::string names;
    for (const Json& one : all)
        names += (names.empty() ? "" : " ") + text_of(one.at("name"));
    if (all.size() > kMany) names = fmt::format("{} capabilities", all.size());
    if (names.empty()) names = "no capabilities";
    const auto uid = privileges.at("uid").get<std::int64_t>();
    return fmt::format("{}{}{}{}", uid == 0 ? "" : fmt::format("uid {}, ", uid), names,
                       privileges.at("no_new_privileges").get<bool>() ? ", no new privileges" : "",
                       privileges.at("filtered").get<bool>() ? ", system calls filtered" : "");
}

static std::string status_text(const Json& status) {
    const Terminal to = terminal();
    const auto state = status.at("state").get<std::string>();
    const auto started = status.at("started").get<double>();
    const auto generation = status.at("generation").get<int>();
    std::string out = fact("inetd", fmt::format("{}, pid {}, {}", text_of(status.at("version")),
                                                status.at("pid").get<int>(),
                                                to.coloured(state, colour_of_state(state))));
    out +=
        fact("up since",
             fmt::format("{} ({}){}", time_text(started), duration_text(calendar_now() - started),
                         generation == 0 ? ""
                                         : fmt::format(", {} change{} of the binary", generation,
                                                       generation == 1 ? "" : "s")));
    std::string files;
    for (const Json& file : status.at("files"))
        files += (files.empty() ? "" : " ") + file.get<std::string>();
    if (status.at("settings").is_string()) files += " " + text_of(status.at("settings"));
    out += fact("configuration", printable(files));
    if (const Json& last = status.at("last_reload"); !last.is_null())
        out += fact(
            "last reload",
            fmt::format("{}: {}", ago(last.at("time")),
                        to.coloured(text_of(last.at("text")),
                                    last.at("applied").get<bool>() ? Colour::none : Colour::red)));
    out += fact("privileges", privileges_text(status.at("privileges")));
    out += fact("services", fmt::format("{}, {} failed", status.at("services").get<int>(),
                                        status.at("failures").size()));
    out += fact("instances", fmt::format("{} running", status.at("running").get<int>()));
    out += fact("clients",
                fmt::format("{} accepted, {} refused", status.at("accepted").get<std::uint64_t>(),
                            status.at("refused").get<std::uint64_t>()));
    return out + failures_text(status.at("failures"), to);
}

static int status(const Context& context) {
    const Answer answer = ask(context, "GetStatus");
    if (!answer) return answer.code;
    if (context.json) {
        print_json(answer.parameters);
    } else {
        print(status_text(answer.parameters));
    }
    return kExitOk;
}

static std::string list_text(const Json& services) {
    Table table;
    table.add_column("SERVICE", Table::Column::shrinking);
    table.add_column("ADDRESS", Table::Column::shrinking);
    table.add_column("STATE", Table::Column::left);
    table.add_column("RUNNING", Table::Column::right);
    table.add_column("ACCEPTED", Table::Column::right);
    table.add_column("REFUSED", Table::Column::right);
    table.add_column("LAST USE", Table::Column::left);
    for (const Json& one : services) {
        std::string addresses;
        for (const Json& address : one.at("addresses"))
            addresses += (addresses.empty() ? "" : " ") + address.get<std::string>();
        const auto state = one.at("state").get<std::string>();
        const auto limit = one.at("limit").get<std::uint64_t>();
        const auto running = one.at("running").get<std::uint64_t>();
        const auto refused = one.at("refused").get<std::uint64_t>();
        table.add_row(
            {{service_of(one)},
             {addresses.empty() ? "-" : addresses},
             {state, colour_of_state(state)},
             {limit == 0 ? fmt::format("{}", running) : fmt::format("{}/{}", running, limit),
              limit != 0 && running >= limit ? Colour::yellow : Colour::none},
             {fmt::format("{}", one.at("accepted").get<std::uint64_t>())},
             {fmt::format("{}", refused), refused != 0 ? Colour::yellow : Colour::none},
             {ago(one.at("last_use"))}});
    }
    return table.empty() ? "" : table.text(terminal());
}

static int list(const Context& context, bool names) {
    const Answer answer = ask(context, "List");
    if (!answer) return answer.code;
    const Json& services = answer.parameters.at("services");
    if (context.json) {
        print_json(answer.parameters);
    } else if (names) {
        for (const Json& one : services)
            print(text_of(one.at("name")) + "\n");
    } else {
        print(list_text(services));
    }
    return kExitOk;
}

static int metrics(const Context& context) {
    const Answer answer = ask(context, "Metrics");
    if (!answer) return answer.code;
    if (context.json) {
        print_json(answer.parameters);
    } else {
        print(answer.parameters.at("text").get<std::string>());
    }
    return kExitOk;
}

void add_overview_verbs(CLI::App& app, Context& context) {
    add_asking_verb(app, context, "status", "Show how inetd is, on one screen",
                    [&context] { return status(context); });
    const auto names = std::make_shared<bool>(false);
    add_asking_verb(app, context, "list", "Show the services, a line each", [&context, names] {
        return list(context, *names);
    })->add_flag("--names", *names, "Only their names");
    add_asking_verb(app, context, "metrics", "Show what is counted, as OpenMetrics text",
                    [&context] { return metrics(context); });
}

} // namespace inetd::ctl
