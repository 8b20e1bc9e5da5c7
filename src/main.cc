#include "base/text.h"
#include "config/effective.h"
#include "config/load.h"
#include "config/words.h"
#include "event/signals.h"
#include "log/log.h"
#include "log/syslog_sink.h"
#include "process/background.h"
#include "process/pid_file.h"
#include "server/inheritance.h"
#include "server/options.h"
#include "server/server.h"
#include "server/succession.h"
#include "server/upgrade.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <climits>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <limits>
#include <optional>
#include <syslog.h>
#include <system_error>
#include <unistd.h>

namespace {

using namespace inetd;

enum ExitCode { kExitOk = 0, kExitRuntime = 1, kExitUsage = 2, kExitConfig = 78 };

constexpr const char* kDefaultConfig = "/etc/inetd.conf";
constexpr const char* kDefaultSettings = "/etc/inetd.cfg";
constexpr const char* kDefaultPidFile = "/run/inetd.pid";

struct CommandLine {
    Options options;
    bool check = false;
    bool dump = false;
    std::string pid_file;
    // Said by a daemon to the binary that takes its place: the descriptors of the hand-over and of
    // its own binary; -1: there is no way back.
    std::optional<std::pair<int, int>> take_over;
};

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
    app.add_flag("-i,--foreground", line.options.foreground,
                 "Stay in the foreground, messages to standard error");
    app.add_flag("-d,--debug", line.options.debug,
                 "The same, and say more: every socket and every connection");
    app.add_option("-a", load.default_address, "Listen here where a line names no address")
        ->type_name("ADDR");
    describe_limits(app, load);
    app.add_option("-p", line.pid_file, "Write the pid here")->type_name("FILE");
    app.add_option("--settings", load.settings, "The settings file, inetd.cfg(5)")
        ->type_name("FILE")
        ->default_str(kDefaultSettings);
    describe_daemon(app, load);
    describe_log(app, load);
    app.add_flag("--check", line.check, "Check the configuration and exit: 0 or 78");
    app.add_flag("--dump", line.dump, "Print what applies to each service, and why, and exit");
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
    app.footer("Signals: HUP reloads the configuration, USR2 changes to the binary that is\n"
               "installed now without losing a client, TERM and INT stop,\n"
               "QUIT stops without ending the servers that run.\n"
               "See inetd(8) and inetd.conf(5).\n");
}

struct Count {
    std::size_t errors = 0;
    std::size_t warnings = 0;
};

Count print(const Diagnostics& diagnostics) {
    Count count;
    std::string text;
    for (const Diagnostic& diagnostic : diagnostics) {
        text += diagnostic.full() + "\n";
        const bool error = diagnostic.severity == Diagnostic::Severity::error;
        ++(error ? count.errors : count.warnings);
    }
    static_cast<void>(std::fputs(text.c_str(), stderr));
    return count;
}

int check(const Options& options) {
    const Loaded loaded = load_config(options.load);
    const auto [errors, warnings] = print(loaded.diagnostics);
    fmt::print("{} service{}, {} error{}, {} warning{}\n", loaded.services.size(),
               loaded.services.size() == 1 ? "" : "s", errors, errors == 1 ? "" : "s", warnings,
               warnings == 1 ? "" : "s");
    return errors == 0 ? kExitOk : kExitConfig;
}

int dump_all(const Options& options) {
    LoadOptions load = options.load;
    load.trace = true;
    const Loaded loaded = load_config(load);
    const Count count = print(loaded.diagnostics);
    static_cast<void>(std::fputs(effective_text(loaded).c_str(), stdout));
    return count.errors == 0 ? kExitOk : kExitConfig;
}

// Relative names must mean the same after the daemon has gone to the root directory.
void make_absolute(CommandLine& line) {
    for (std::string& path : line.options.load.paths)
        path = std::filesystem::absolute(path).string();
    LoadOptions& load = line.options.load;
    load.settings_required = !load.settings.empty();
    load.settings = load.settings_required ? std::filesystem::absolute(load.settings).string()
                                           : kDefaultSettings;
    if (!line.pid_file.empty()) line.pid_file = std::filesystem::absolute(line.pid_file).string();
}

// Says whether this binary could take the place of a running daemon; touches nothing.
int try_take_over(const CommandLine& line) {
    const auto handover = read_handover(line.take_over->first);
    if (!handover) {
        fmt::print(stderr, "{}\n", handover.error().text());
        return kExitRuntime;
    }
    const int status = check(line.options);
    if (status == kExitOk) fmt::print("{}{}\n", kWouldTakeOver, INETD_VERSION);
    return status;
}

int serve(const CommandLine& line, Inheritance inheritance, Background* background,
          std::optional<Handover> handover) {
    const auto fail = [&](const Error& error, ExitCode code) {
        log::error("{}", error.text());
        if (handover && line.take_over->second >= 0) {
            log::error("going back to the binary before");
            log::drain();
            const Error failed = become(handover->invocation, *handover, line.take_over->first,
                                        line.take_over->second, true);
            log::error("{}", failed.text());
        }
        log::drain();
        if (background != nullptr) background->failed(code);
        return code;
    };
    std::optional<PidFile> pid_file;
    if (handover && handover->pid_file >= 0) {
        pid_file.emplace(PidFile::keep(line.pid_file, handover->pid_file));
    } else if (!line.pid_file.empty()) {
        auto taken = PidFile::take(line.pid_file);
        if (!taken) return fail(taken.error(), kExitRuntime);
        pid_file.emplace(std::move(*taken));
    }
    auto server = Server::create(line.options, std::move(inheritance));
    if (!server) return fail(server.error(), kExitRuntime);
    if (pid_file) (*server)->set_pid_file(pid_file->fd());
    if (handover) (*server)->succeed(*handover);
    if (const auto started = (*server)->start(); !started)
        return fail(started.error(), kExitConfig);
    if (line.take_over) {
        close(line.take_over->first);
        close(line.take_over->second);
    }
    if (background != nullptr) {
        (*server)->open_log();
        background->ready();
    }
    (*server)->run();
    return kExitOk;
}

// Takes the place of another binary in this process, which is in the background already if it
// shall.
int succeed(const CommandLine& line) {
    if (!line.options.foreground) log::set_sink(std::make_unique<log::SyslogSink>(LOG_DAEMON));
    const auto [state, previous] = *line.take_over;
    auto handover = read_handover(state);
    if (!handover) {
        log::error("{}", handover.error().text());
        // No descriptor is close-on-exec yet, so all go back with it.
        if (previous >= 0)
            log::error("{}", become(line.options.invocation, {}, state, previous, true).text());
        return kExitRuntime;
    }
    secure_standard_descriptors();
    Inheritance inheritance = inherit_from(*handover);
    return serve(line, std::move(inheritance), nullptr, std::move(*handover));
}

Invocation invocation_of(int argc, char** argv) {
    constexpr std::string_view kDeleted = " (deleted)"; // proc(5)
    Invocation invocation;
    invocation.program = std::filesystem::read_symlink("/proc/self/exe").string();
    if (invocation.program.ends_with(kDeleted))
        invocation.program.resize(invocation.program.size() - kDeleted.size());
    for (int i = 0; i < argc; ++i) {
        const std::string_view argument(argv[i]);
        if (!argument.starts_with("--take-over=")) invocation.arguments.emplace_back(argument);
    }
    std::error_code gone;
    invocation.directory = std::filesystem::current_path(gone).string();
    return invocation;
}

int run(CommandLine& line) {
    Options& options = line.options;
    make_absolute(line);
    if (line.check) return line.take_over ? try_take_over(line) : check(options);
    if (line.dump) return dump_all(options);
    // The first process of a container must not go away.
    options.foreground = options.foreground || options.debug || getpid() == 1;
    if (options.debug) {
        log::set_level(log::Level::debug);
        set_daemon(options.load, "log_level", &DaemonSettings::log_level, "debug");
        set_daemon(options.load, "log_connections", &DaemonSettings::log_connections, true);
        const auto& given = options.load.given;
        if (std::find(given.begin(), given.end(), "log_target") == given.end())
            set_daemon(options.load, "log_target", &DaemonSettings::log_target, "");
    }
    block_signals();
    if (chdir("/") != 0) return kExitRuntime;
    if (!options.foreground && line.pid_file.empty()) line.pid_file = kDefaultPidFile;
    if (line.take_over) return succeed(line);
    // Before the forks of going into the background: it is this process that is meant.
    Inheritance inheritance = inherit();
    secure_standard_descriptors();
    if (options.foreground) return serve(line, std::move(inheritance), nullptr, {});

    auto background = Background::enter();
    if (!background) {
        log::error("{}", background.error().text());
        return kExitRuntime;
    }
    return serve(line, std::move(inheritance), &*background, {});
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app("A super-server: listens for many services, starts a server when somebody comes.",
                 "inetd");
    CommandLine line;
    line.options.load.paths = {kDefaultConfig};
    describe(app, line);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? kExitOk : kExitUsage;
    }
    try {
        line.options.invocation = invocation_of(argc, argv);
        return run(line);
    } catch (const std::exception& error) {
        log::error("{}", error.what());
        log::drain();
        return kExitRuntime;
    }
}
