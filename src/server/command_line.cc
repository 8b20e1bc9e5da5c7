#include "server/command_line.h"

#include "base/text.h"
#include "config/words.h"
#include "server/exec_arguments.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <climits>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <string_view>
#include <system_error>
#include <unistd.h>

namespace inetd {

namespace {

constexpr const char* kDefaultConfig = "/etc/inetd.conf";
constexpr const char* kDefaultSettings = "/etc/inetd.cfg";
constexpr const char* kDefaultPidFile = "/run/inetd.pid";
// execvp(3)
constexpr const char* kDefaultPath = "/bin:/usr/bin";
constexpr int kUsageError = 2;

// What an option says of a key of the settings file is marked as given.
void describe_limits(CLI::App& app, LoadOptions& load) {
    const auto limit = [&](const char* option, const char* key, auto set, const char* help) {
        return app
            .add_option_function<std::uint32_t>(
                option,
                [&load, key, set](std::uint32_t number) {
                    set(load, number);
                    load.given.emplace_back(key);
                },
                help)
            ->type_name("N");
    };
    limit(
        "-c", "instances", [](LoadOptions& to, auto n) { to.default_limits.instances = n; },
        "Most instances of one service at once (0: no limit)")
        ->default_str(std::to_string(Limits().instances));
    limit(
        "-C", "rate_per_source",
        [](LoadOptions& to, auto n) { to.default_limits.source_rate = Rate::per_minute(n); },
        "Most starts of one service a minute for one client address");
    limit(
        "-s", "per_source", [](LoadOptions& to, auto n) { to.default_limits.per_source = n; },
        "Most instances of one service at once for one client address");
    limit(
        "-R", "rate", [](LoadOptions& to, auto n) { to.default_limits.rate = Rate::per_minute(n); },
        "Most starts of one service a minute");
    limit(
        "-q", "backlog", [](LoadOptions& to, auto n) { to.default_backlog = static_cast<int>(n); },
        "Length of the queue of waiting clients (0: as the kernel allows)")
        ->check(CLI::Range(0, std::numeric_limits<int>::max()));
}

// What an option says of a key of `daemon` overrides the file.
template<typename T, typename Value>
void set_daemon(LoadOptions& load, const char* key, T DaemonSettings::*field, Value value) {
    load.daemon.*field = value;
    load.given.emplace_back(key);
}

void describe_log(CLI::App& app, LoadOptions& load) {
    const auto word = [&](const char* option, const char* key, const Words& words,
                          std::string DaemonSettings::*field, const char* help) {
        app.add_option_function<std::string>(
               option,
               [&load, key, field](const std::string& text) { set_daemon(load, key, field, text); },
               help)
            ->check([&words](const std::string& text) {
                if (words.contain(text) || (words.or_file && text.starts_with('/')))
                    return std::string();
                return "takes " + std::string(words.text);
            })
            ->type_name("WORD");
    };
    word("--log-target", "log_target", kLogTargets, &DaemonSettings::log_target,
         "Where messages go: journal, syslog, stderr or an absolute file name");
    word("--log-facility", "log_facility", kLogFacilities, &DaemonSettings::log_facility,
         "The facility that syslog and the journal know them by");
    word("--log-level", "log_level", kLogLevels, &DaemonSettings::log_level,
         "The least weight of messages: error, warning, notice, info or debug");
}

// Where inetctl(1) looks for it.
std::string default_control() {
    if (geteuid() == 0) return "/run/inetd/control";
    const char* mine = getenv("XDG_RUNTIME_DIR");
    return mine != nullptr && *mine == '/' ? std::string(mine) + "/inetd/control" : "none";
}

void describe_daemon(CLI::App& app, LoadOptions& load) {
    const auto flag = [&](const char* option, const char* key, bool DaemonSettings::*field,
                          const char* help) {
        app.add_flag_callback(
            option, [&load, key, field] { set_daemon(load, key, field, true); }, help);
    };
    flag("-E", "keep_environment", &DaemonSettings::keep_environment,
         "Give services the environment that inetd was started with");
    flag("-l", "log_connections", &DaemonSettings::log_connections, "Log every connection");
    flag("--strict", "strict", &DaemonSettings::strict, "Do not start if any line has an error");
    app.add_option_function<std::string>(
           "--control",
           [&load](const std::string& path) {
               set_daemon(load, "control", &DaemonSettings::control, path);
           },
           "The control socket, for inetctl(1), or \"none\"")
        ->type_name("PATH")
        ->check([](const std::string& path) {
            return path == "none" || path.empty() ||
                           kControlPaths.contain(std::filesystem::absolute(path).string())
                       ? std::string()
                       : "takes " + std::string(kControlPaths.text);
        })
        ->default_str(default_control());
    app.add_option_function<double>(
           "--stop-timeout",
           [&load](double seconds) {
               load.daemon.stop_timeout =
                   std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
               load.given.emplace_back("stop_timeout");
           },
           "Seconds that servers have to end by themselves when inetd is stopped")
        ->type_name("SECONDS")
        ->check(CLI::NonNegativeNumber)
        ->default_str("10");
}

void describe(CLI::App& app, CommandLine& line) {
    LoadOptions& load = line.options.load;
    app.set_version_flag("--version", "inetd " INETD_VERSION);
    app.set_help_flag("-h,--help", "Print this and exit");
    app.add_option("FILE", load.paths, "inetd.conf, or a directory of *.conf files")
        ->default_str(kDefaultConfig);
    app.add_option("--exec", line.specs,
                   "Serve a command without any file, as in --exec 'tcp 8080 nowait' -- cat -n")
        ->type_name("SPEC -- COMMAND [ARG...]")
        ->allow_extra_args(false);
    app.add_flag("-i,--foreground", line.options.foreground,
                 "Stay in the foreground, messages to standard error");
    app.add_flag("-d,--debug", line.options.debug,
                 "The same, and say more: every socket and every connection");
    app.add_option("-a", load.default_address, "Listen here where a line names no address")
        ->type_name("ADDR");
    describe_limits(app, load);
    app.add_option("-p", line.pid_file, "Write the pid here")->type_name("FILE")->take_last();
    app.add_option("--settings", load.settings, "The settings file, inetd.cfg(5)")
        ->type_name("FILE")
        ->default_str(kDefaultSettings);
    describe_daemon(app, load);
    describe_log(app, load);
    app.add_flag("--check", line.check, "Check the configuration and exit: 0 or 78");
    app.add_flag("--dump{text}", line.dump,
                 "Print what applies to each service, and why, and exit; --dump=json for programs")
        ->check(CLI::IsMember({"text", "json"}));
    app.add_option_function<std::string>(
           "--take-over",
           [&line](const std::string& fds) {
               const auto colon = fds.find(':');
               const auto state = to_number<int>(fds.substr(0, colon), 3, INT_MAX);
               const auto previous =
                   to_number<int>(fds.substr(std::min(colon, fds.size() - 1) + 1), -1, INT_MAX);
               if (!state || !previous) throw CLI::ValidationError("--take-over", fds);
               line.take_over = {*state, *previous};
           })
        ->group("");
    app.footer("Signals: HUP reloads the configuration, USR1 writes the state to a file,\n"
               "USR2 changes to the binary that is installed now without losing a client,\n"
               "TERM and INT stop, QUIT stops without ending the servers that run.\n"
               "See inetd(8) and inetd.conf(5).\n");
}

void make_absolute(CommandLine& line) {
    for (std::string& path : line.options.load.paths)
        path = std::filesystem::absolute(path).string();
    LoadOptions& load = line.options.load;
    if (std::string& control = load.daemon.control; !control.empty() && control != "none")
        control = std::filesystem::absolute(control).string();
    load.settings_required = !load.settings.empty();
    if (load.settings_required)
        load.settings = std::filesystem::absolute(load.settings).string();
    else if (load.execs.empty())
        load.settings = kDefaultSettings;
    if (!line.pid_file.empty()) line.pid_file = std::filesystem::absolute(line.pid_file).string();
}

Invocation invocation_of(int argc, char** argv) {
    constexpr std::string_view kDeleted = " (deleted)"; // proc(5)
    Invocation invocation;
    std::error_code unknown;
    invocation.program = std::filesystem::read_symlink("/proc/self/exe", unknown).string();
    if (invocation.program.ends_with(kDeleted))
        invocation.program.resize(invocation.program.size() - kDeleted.size());
    bool ours = true; // what follows belongs to no command
    for (int i = 0; i < argc; ++i) {
        const std::string argument(argv[i]);
        ours = ours && !begins_exec(argument);
        if (!ours || !argument.starts_with("--take-over="))
            invocation.arguments.push_back(argument);
    }
    // Who takes the place of another binary is told the name by that.
    const bool succeeds = invocation.arguments.size() < static_cast<std::size_t>(argc);
    if (unknown && !succeeds)
        throw std::filesystem::filesystem_error("read_symlink", "/proc/self/exe", unknown);
    std::error_code gone;
    invocation.directory = std::filesystem::current_path(gone).string();
    return invocation;
}

// Programs are looked up at each load, when the daemon has left the directory it was started in.
void settle_execs(CommandLine& line, std::vector<std::vector<std::string>> commands) {
    LoadOptions& load = line.options.load;
    if (commands.empty()) {
        if (load.paths.empty()) load.paths = {kDefaultConfig};
        return;
    }
    line.options.foreground = true;
    const char* path = std::getenv("PATH");
    for (const std::string_view directory : split(path != nullptr ? path : kDefaultPath, ':'))
        load.program_path.push_back(
            std::filesystem::absolute(directory.empty() ? "." : directory).string());
    for (std::size_t i = 0; i < commands.size(); ++i) {
        const std::string& name = commands[i].front();
        const bool bare = name.find('/') == std::string::npos;
        load.execs.push_back({.spec = line.specs[i],
                              .command = commands[i],
                              .program = bare ? name : std::filesystem::absolute(name).string()});
    }
}

void settle_mode(CommandLine& line) {
    Options& options = line.options;
    // The first process of a container must not go away.
    options.foreground = options.foreground || options.debug || getpid() == 1;
    if (options.debug) {
        set_daemon(options.load, "log_level", &DaemonSettings::log_level, "debug");
        set_daemon(options.load, "log_connections", &DaemonSettings::log_connections, true);
        const auto& given = options.load.given;
        if (std::find(given.begin(), given.end(), "log_target") == given.end())
            set_daemon(options.load, "log_target", &DaemonSettings::log_target, "");
    }
    if (!options.foreground && line.pid_file.empty()) line.pid_file = kDefaultPidFile;
}

} // namespace

std::variant<CommandLine, int> parse_command_line(int argc, char** argv) {
    CLI::App app("A super-server: listens for many services, starts a server when somebody comes.",
                 "inetd");
    CommandLine line;
    line.options.load.daemon.control = default_control();
    describe(app, line);
    try {
        auto arguments = cut_commands({argv + std::min(argc, 1), argv + argc});
        if (!arguments) throw CLI::ParseError(arguments.error().text(), kUsageError);
        // The usual place is for the daemon that has the usual files.
        if (!arguments->commands.empty()) line.options.load.daemon.control = "none";
        std::reverse(arguments->own.begin(), arguments->own.end()); // as CLI11 takes them
        app.parse(std::move(arguments->own));
        settle_execs(line, std::move(arguments->commands));
    } catch (const CLI::ParseError& error) {
        return app.exit(error);
    }
    make_absolute(line);
    line.options.invocation = invocation_of(argc, argv);
    settle_mode(line);
    return line;
}

} // namespace inetd
