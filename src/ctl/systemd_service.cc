#include "ctl/systemd_service.h"

#include "base/text.h"
#include "base/variables.h"
#include "ctl/imported_text.h"
#include "ctl/systemd_limits.h"
#include "ctl/text_file.h"
#include "ctl/unit_command.h"

#include <algorithm>
#include <fmt/format.h>

namespace inetd::ctl {

static void note(ImportedService& model, Notice::Kind kind, const UnitSetting& setting,
                 std::string text) {
    model.notices.push_back({kind, setting.file, setting.line, setting.key, std::move(text)});
}

void note_missing(ImportedService& model, const UnitSetting& setting, std::string text) {
    note(model, Notice::Kind::missing, setting, std::move(text));
}

void note_approximate(ImportedService& model, const UnitSetting& setting, std::string text) {
    note(model, Notice::Kind::approximate, setting, std::move(text));
}

void note_error(ImportedService& model, const UnitSetting& setting, std::string text) {
    note(model, Notice::Kind::error, setting, std::move(text));
}

void note_rest(ImportedService& model, const UnitValues& values, const std::string& section) {
    const bool general = section != "Socket" && section != "Service";
    for (const UnitSetting* setting : values.rest()) {
        if (setting->key.starts_with("X-")) continue;
        note_missing(model, *setting, setting->value);
        if (general) model.notices.back().subject = fmt::format("[{}] {}", section, setting->key);
    }
}

namespace {

class Service {
  public:
    Service(const Unit& unit, bool accept, ImportedService& model)
        : unit_(unit), values_(unit, "Service"), accept_(accept), model_(model) {}

    void add() {
        add_user();
        add_environment();
        add_command();
        add_streams();
        add_places();
        add_times();
        add_unit_limits(values_, accept_, model_);
        note_rest(model_, values_, "Service");
    }

  private:
    void add_user();
    void add_environment();
    void read_environment_files();
    void assign(const std::string& name, const std::string& value);
    void add_command();
    void note_command(const UnitSetting& setting, const UnitCommand& command);
    void add_streams();
    void add_errors(bool inherits_socket);
    void add_places();
    void add_times();
    // The value with its specifiers; what is unknown of them is noted.
    std::string expanded(const UnitSetting& setting);

    const Unit& unit_;
    UnitValues values_;
    bool accept_;
    ImportedService& model_;
    Variables variables_;
};

std::string Service::expanded(const UnitSetting& setting) {
    const ExpandedText text = expand_specifiers(setting.value, unit_.name);
    if (!text.unknown.empty())
        note_missing(model_, setting,
                     fmt::format("{} stays as it is", fmt::join(text.unknown, ", ")));
    return text.text;
}

void Service::add_user() {
    const UnitSetting* user = values_.last("User");
    const UnitSetting* group = values_.last("Group");
    const UnitSetting* dynamic = values_.last("DynamicUser");
    if (user != nullptr) model_.user = expanded(*user);
    if (values_.is_true("DynamicUser")) {
        note_missing(model_, *dynamic,
                     user == nullptr ? "runs as nobody" : "the user has to be made");
        if (user == nullptr) model_.user = "nobody";
    }
    if (group != nullptr) model_.user += ":" + expanded(*group);
    std::vector<std::string> groups;
    const auto settings = values_.all("SupplementaryGroups");
    for (const UnitSetting* setting : settings)
        for (std::string& name : words_of(setting->value))
            groups.push_back(std::move(name));
    if (groups.empty()) return;
    model_.set("groups", cfg_list(groups));
    note_approximate(model_, *settings.back(), "are all that there are, beside the user's own one");
}

void Service::assign(const std::string& name, const std::string& value) {
    variables_[name] = value;
}

// The file as it is today: inetd has the variables themselves.
void Service::read_environment_files() {
    for (const UnitSetting* setting : values_.all("EnvironmentFile")) {
        std::string path = expanded(*setting);
        const bool optional = path.starts_with('-');
        if (optional) path.erase(0, 1);
        const auto text = read_text_file(path);
        if (!text && !optional) note_error(model_, *setting, text.error().text());
        if (!text) continue;
        for (const std::string_view raw : split(*text, '\n')) {
            const std::string_view line = trimmed(raw);
            const auto sign = line.find('=');
            if (line.empty() || line.front() == '#' || line.front() == ';' ||
                sign == std::string_view::npos)
                continue;
            const auto words = unit_words(std::string(line.substr(sign + 1)));
            const std::string value = words ? fmt::format("{}", fmt::join(*words, " "))
                                            : std::string(line.substr(sign + 1));
            assign(std::string(trimmed(line.substr(0, sign))), value);
        }
        note_approximate(model_, *setting, "as the file is today");
    }
}

void Service::add_environment() {
    for (const UnitSetting* setting : values_.all("Environment")) {
        const auto words = unit_words(expanded(*setting));
        if (!words) note_error(model_, *setting, "a quote has no end");
        for (const std::string& word : words.value_or(std::vector<std::string>())) {
            const auto sign = word.find('=');
            if (sign != std::string::npos) assign(word.substr(0, sign), word.substr(sign + 1));
        }
    }
    read_environment_files();
    std::vector<std::string> assignments;
    for (const auto& [name, value] : variables_) {
        if (is_variable_name(name) && !is_peer_variable(name) && !is_supervisor_variable(name))
            assignments.push_back(fmt::format("{}={}", name, value));
    }
    if (!assignments.empty()) model_.set("env", cfg_list(assignments));
    std::vector<std::string> passed;
    for (const UnitSetting* setting : values_.all("PassEnvironment"))
        for (std::string& name : words_of(setting->value))
            passed.push_back(std::move(name));
    if (!passed.empty()) model_.set("pass_env", cfg_list(passed));
}

void Service::note_command(const UnitSetting& setting, const UnitCommand& command) {
    if (command.prefixes.find_first_of("+!") != std::string::npos)
        note_missing(model_, setting,
                     fmt::format("'{}': it runs with the rights of the service", command.prefixes));
    if (command.has_more || values_.all("ExecStart").size() > 1)
        note_missing(model_, setting, "only one command is run");
    for (const std::string& name : command.unset)
        note_approximate(model_, setting, fmt::format("${} is not set and left out", name));
    for (const std::string& name : command.expanded)
        note_approximate(model_, setting, fmt::format("${} is what it is today", name));
}

void Service::add_command() {
    const auto commands = values_.all("ExecStart");
    const auto fail = [&](const std::string& why) {
        model_.left_out = why;
        model_.notices.push_back(
            {Notice::Kind::error, unit_.file, 0, "ExecStart", model_.left_out});
    };
    if (commands.empty()) return fail("the service has no command");
    const UnitSetting& setting = *commands.front();
    const auto command = unit_command(expanded(setting), variables_);
    if (!command) return fail("cannot be understood: " + escaped(setting.value));
    note_command(setting, *command);
    if (command->path.empty()) return fail("no program " + escaped(command->argv.front()));
    model_.program = {command->path};
    const auto& argv = command->argv;
    // Without arguments inetd.conf calls a program by the last part of its path.
    model_.program.insert(model_.program.end(), argv.begin(), argv.end());
    const bool has_line_feed = std::any_of(argv.begin(), argv.end(), [](const std::string& word) {
        return word.find('\n') != std::string::npos;
    });
    if (has_line_feed) fail("inetd.conf(5) has no way to write a line feed");
}

void Service::add_errors(bool inherits_socket) {
    const UnitSetting* setting = values_.last("StandardError");
    std::string to = setting == nullptr ? "" : expanded(*setting);
    if (to.empty() || to == "inherit") to = inherits_socket ? "socket" : "journal";
    const auto colon = to.find(':');
    if (to == "null" || to == "socket") {
        if (to != "socket") model_.set("stderr", string_literal(to));
    } else if (colon != std::string::npos && to.substr(colon + 1).starts_with('/')) {
        model_.set("stderr", string_literal(to.substr(colon + 1)));
        if (!to.starts_with("append:"))
            note_approximate(model_, *setting, "is written to at its end");
    } else {
        model_.set("stderr", "\"journal\"");
        if (to != "journal" && to != "syslog")
            note_approximate(model_, *setting, "goes to the journal");
    }
}

void Service::add_streams() {
    const bool from_socket = values_.text("StandardInput") == "socket";
    const UnitSetting* output = values_.last("StandardOutput");
    const std::string to = output == nullptr ? "" : output->value;
    if (!accept_ && !from_socket) model_.set("listen_fds", "true");
    if (accept_ && !from_socket) {
        const UnitSetting* input = values_.last("StandardInput");
        model_.notices.push_back(
            {Notice::Kind::approximate, input == nullptr ? unit_.file : input->file,
             input == nullptr ? 0 : input->line, "StandardInput",
             "the connection is descriptors 0 and 1, and not 3 with LISTEN_FDS"});
    }
    if (output != nullptr && to != "socket" && to != "inherit") {
        const char* where = !accept_ && !from_socket ? "goes to /dev/null" : "goes to the client";
        note_missing(model_, *output, where);
    }
    add_errors(to == "socket" || (to == "inherit" && from_socket));
}

void Service::add_places() {
    if (const UnitSetting* directory = values_.last("WorkingDirectory")) {
        std::string path = expanded(*directory);
        if (path.starts_with('-')) path.erase(0, 1);
        if (path == "~")
            note_missing(model_, *directory, "'~' is nowhere: name the directory");
        else
            model_.set("directory", string_literal(path));
    }
    if (const UnitSetting* root = values_.last("RootDirectory"))
        model_.set("chroot", string_literal(expanded(*root)));
    if (const UnitSetting* mask = values_.last("UMask"))
        model_.set("umask", fmt::format("\"{:0>4}\"", mask->value));
}

void Service::add_times() {
    const UnitSetting* most = values_.last("RuntimeMaxSec");
    if (most != nullptr) {
        const auto time = unit_time(most->value);
        if (!time)
            note_error(model_, *most, "no time: " + escaped(most->value));
        else if (!accept_)
            note_missing(model_, *most, "a 'wait' server may run on");
        else if (*time != std::chrono::microseconds::max())
            model_.set("session_timeout", fmt::format("\"{}ms\"", (time->count() + 999) / 1000));
    }
    const UnitSetting* type = values_.last("Type");
    if (type == nullptr || type->value == "simple" || type->value == "exec") return;
    if (type->value == "forking")
        note_missing(model_, *type,
                     "a server that leaves is taken for one that has ended: start "
                     "it in the foreground");
    else
        note_missing(model_, *type, type->value + ": nobody waits for it to be ready");
}

} // namespace

void add_unit_service(const Unit& unit, bool accept, ImportedService& model) {
    Service(unit, accept, model).add();
    for (const char* section : {"Unit", "Install"}) {
        UnitValues values(unit, section);
        for (const char* harmless : {"Description", "Documentation", "SourcePath"})
            static_cast<void>(values.all(harmless));
        note_rest(model, values, section);
    }
}

} // namespace inetd::ctl
