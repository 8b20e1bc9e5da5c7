#include "ctl/daemon_program.h"
#include "ctl/diagnostics.h"
#include "ctl/fields.h"
#include "ctl/terminal.h"
#include "ctl/verbs.h"

#include <CLI/CLI.hpp>
#include <cerrno>
#include <filesystem>
#include <fmt/core.h>
#include <memory>
#include <string>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace inetd::ctl {

using Files = std::vector<std::string>;

// The checker is the daemon itself, so that both always agree.
static int check(const Files& files) {
    const std::string daemon = daemon_program();
    std::vector<const char*> arguments{"inetd", "--check"};
    for (const std::string& file : files)
        arguments.push_back(file.c_str());
    arguments.push_back(nullptr);
    execv(daemon.c_str(), const_cast<char* const*>(arguments.data()));
    complain(fmt::format("{}: {}", daemon, std::generic_category().message(errno)));
    return kExitFailed;
}

static std::string change_text(const Json& change, const Terminal& to) {
    const std::string kind = text_of(change.at("kind"));
    const Colour colour = kind == "added"     ? Colour::green
                          : kind == "removed" ? Colour::red
                                              : Colour::yellow;
    const char* mark = kind == "added" ? "+" : (kind == "removed" ? "-" : "~");
    std::string out =
        to.coloured(fmt::format("{} {}", mark, service_of(change)), colour) +
        fmt::format("  {}:{}\n", text_of(change.at("file")), change.at("line").get<int>());
    const auto value = [](const Json& item) { return item.is_null() ? "not set" : text_of(item); };
    for (const Json& one : change.at("values"))
        out += fmt::format("    {}: {} -> {}\n", text_of(one.at("key")), value(one.at("before")),
                           value(one.at("after")));
    return out;
}

static int diff(const Context& context, Files files) {
    for (std::string& file : files)
        file = std::filesystem::absolute(file).string();
    const Answer answer = ask(context, "Diff", {{"files", files}});
    if (!answer) return answer.code;
    const Json& result = answer.parameters;
    const bool valid = result.at("valid").get<bool>();
    if (context.json) {
        print_json(result);
        return valid ? kExitOk : kExitConfig;
    }
    fmt::print(stderr, "{}", diagnostics_text(result.at("diagnostics")));
    if (!valid) {
        complain("a reload would be refused");
        return kExitConfig;
    }
    const Terminal to = terminal();
    for (const Json& change : result.at("changes"))
        print(change_text(change, to));
    return kExitOk;
}

void add_check_verbs(CLI::App& app, Context& context) {
    const auto files = std::make_shared<Files>();
    add_verb(app, context, "check", "Check a configuration; exits with 0, or 78 if it has errors",
             [files] { return check(*files); })
        ->add_option("FILE", *files, "inetd.conf, or a directory of *.conf files")
        ->default_str("/etc/inetd.conf");
    add_asking_verb(app, context, "diff", "Show what a reload would change", [&context, files] {
        return diff(context, *files);
    })->add_option("FILE", *files, "Compare with these files, and not with those of inetd");
}

} // namespace inetd::ctl
