#include "ctl/fields.h"
#include "ctl/table.h"
#include "ctl/text.h"
#include "ctl/verbs.h"

#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <memory>

namespace inetd::ctl {

static std::string fact(std::string_view name, const std::string& value) {
    constexpr int kNames = 10;
    return fmt::format("  {:<{}} {}\n", name, kNames, value);
}

static std::string program_text(const Json& details) {
    if (details.at("builtin").is_string()) return "internal " + text_of(details.at("builtin"));
    std::string out = text_of(details.at("program"));
    for (const Json& argument : details.at("arguments"))
        out += " " + text_of(argument);
    return out;
}

static std::string clients_text(const Json& details) {
    const Json& service = details.at("service");
    const auto limit = service.at("limit").get<std::uint64_t>();
    std::string refused;
    for (const auto& [key, count] : details.at("refused_by").items())
        refused += fmt::format("{}{} by {}", refused.empty() ? ": " : ", ",
                               count.get<std::uint64_t>(), printable(key));
    const Json& last = service.at("last_use");
    return fmt::format(
        "{} running{}, {} accepted, {} refused{}; {}", service.at("running").get<std::uint64_t>(),
        limit != 0 ? fmt::format(" of at most {}", limit) : "",
        service.at("accepted").get<std::uint64_t>(), service.at("refused").get<std::uint64_t>(),
        refused,
        last.is_null()
            ? "never used"
            : fmt::format("last {} ago", duration_text(calendar_now() - last.get<double>())));
}

static std::string sockets_text(const Json& sockets, const Terminal& to) {
    std::string out;
    for (const Json& socket : sockets) {
        const std::string state = text_of(socket.at("state"));
        std::string why = text_of(socket.at("reason"));
        if (socket.at("server").is_number())
            why = fmt::format("to server {}", socket.at("server").get<int>());
        out += fact(out.empty() ? "sockets" : "",
                    fmt::format("{} {}, {}{}{}", text_of(socket.at("type")),
                                text_of(socket.at("address")),
                                to.coloured(state, colour_of_state(state)),
                                why.empty() ? "" : (state == "lent" ? " " : ": "), why));
    }
    return out;
}

static std::string behind_text(const Json& addresses) {
    std::string out;
    for (const Json& address : addresses)
        out += fact(out.empty() ? "behind" : "", "tcpmux, " + text_of(address));
    return out;
}

static std::string settings_text(const Json& settings, const Terminal& to) {
    Table table;
    table.add_column("SETTING", Table::Column::left);
    table.add_column("VALUE", Table::Column::shrinking);
    table.add_column("FROM", Table::Column::shrinking);
    for (const Json& one : settings)
        table.add_row({{text_of(one.at("key"))},
                       {one.at("value").is_null() ? "-" : text_of(one.at("value"))},
                       {text_of(one.at("origin"))}});
    return table.empty() ? "" : "\n" + table.text(to, 2);
}

static std::string instances_text(const Json& instances, const Terminal& to) {
    Table table;
    table.add_column("PID", Table::Column::right);
    table.add_column("CLIENT", Table::Column::shrinking);
    table.add_column("AGE", Table::Column::left);
    table.add_column("CPU", Table::Column::right);
    table.add_column("MEMORY", Table::Column::right);
    const auto now = calendar_now();
    for (const Json& one : instances) {
        const Json& pid = one.at("pid");
        const Json& cpu = one.at("cpu");
        const Json& memory = one.at("memory");
        const std::string peer = text_of(one.at("peer"));
        table.add_row({{pid.is_null() ? "-" : fmt::format("{}", pid.get<int>())},
                       {peer.empty() ? "wait" : peer},
                       {duration_text(now - one.at("started").get<double>())},
                       {cpu.is_null() ? "-" : fmt::format("{:.2f} s", cpu.get<double>())},
                       {memory.is_null() ? "-" : bytes_text(memory.get<std::uint64_t>())}});
    }
    return table.empty() ? "" : "\n" + table.text(to, 2);
}

static std::string details_text(const Json& details, const Terminal& to) {
    const Json& service = details.at("service");
    const std::string state = text_of(service.at("state"));
    const std::string reason = text_of(service.at("reason"));
    std::string out = fmt::format("{}: {}{}\n", to.coloured(service_of(service), Colour::bold),
                                  to.coloured(state, colour_of_state(state)),
                                  reason.empty() ? "" : ", " + reason);
    out += fact("line",
                fmt::format("{}:{}", text_of(details.at("file")), details.at("line").get<int>()));
    out += fact("program", program_text(details));
    out += fact("runs as", fmt::format("{}, {}", text_of(details.at("user")),
                                       details.at("wait").get<bool>() ? "wait" : "nowait"));
    out += sockets_text(details.at("sockets"), to);
    out += behind_text(details.at("behind"));
    out += fact("clients", clients_text(details));
    out += settings_text(details.at("settings"), to);
    return out + instances_text(details.at("instances"), to);
}

static int show(const Context& context, const std::string& name) {
    const Answer answer = ask(context, "Show", {{"name", name}});
    if (!answer) return answer.code;
    if (context.json) {
        print_json(answer.parameters);
        return kExitOk;
    }
    std::string out;
    for (const Json& one : answer.parameters.at("services"))
        out += (out.empty() ? "" : "\n") + details_text(one, terminal());
    print(out);
    return kExitOk;
}

void add_show_verbs(CLI::App& app, Context& context) {
    const auto name = std::make_shared<std::string>();
    add_asking_verb(app, context, "show", "Show all there is to know about a service",
                    [&context, name] { return show(context, *name); })
        ->add_option("NAME", *name, "Its name, or name/protocol")
        ->required();
}

} // namespace inetd::ctl
