#include "config/load.h"
#include "log/log.h"
#include "log/sinks.h"
#include "process/background.h"
#include "process/pid_file.h"
#include "server/options.h"
#include "server/server.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <syslog.h>
#include <unistd.h>

namespace {

using namespace inetd;

enum ExitCode { kExitOk = 0, kExitRuntime = 1, kExitUsage = 2, kExitConfig = 78 };

constexpr const char* kDefaultConfig = "/etc/inetd.conf";
constexpr const char* kDefaultPidFile = "/run/inetd.pid";

struct CommandLine {
    Options options;
    bool check = false;
    double stop_timeout = 10;
    std::string pid_file;
};

void describe(CLI::App& app, CommandLine& line) {
    LoadOptions& load = line.options.load;
    app.set_version_flag("--version", "inetd " INETD_VERSION);
    app.set_help_flag("-h,--help", "Print this and exit");
    app.add_option("FILE", load.paths, "inetd.conf, or a directory of *.conf files")
        ->default_str(kDefaultConfig);
    app.add_flag("-i,--foreground", line.options.foreground,
                 "Stay in the foreground, messages to standard error");
    app.add_flag("-d,--debug", line.options.debug, "The same, and say more");
    app.add_option("-a", load.default_address, "Listen here where a line names no address")
        ->type_name("ADDR");
    app.add_option("-c", load.default_limits.instances,
                   "Most instances of one service at once (0: no limit)")
        ->type_name("N")
        ->capture_default_str();
    app.add_option_function<std::uint32_t>(
           "-C",
           [&load](std::uint32_t starts) {
               load.default_limits.source_rate = Rate::per_minute(starts);
           },
           "Most starts of one service a minute for one client address")
        ->type_name("N");
    app.add_option("-s", load.default_limits.per_source,
                   "Most instances of one service at once for one client address")
        ->type_name("N");
    app.add_option_function<std::uint32_t>(
           "-R",
           [&load](std::uint32_t starts) { load.default_limits.rate = Rate::per_minute(starts); },
           "Most starts of one service a minute")
        ->type_name("N");
    app.add_option("-q", load.default_backlog,
                   "Length of the queue of waiting clients (0: as the kernel allows)")
        ->type_name("N")
        ->check(CLI::NonNegativeNumber);
    app.add_flag("-E", line.options.keep_environment,
                 "Give services the environment that inetd was started with");
    app.add_option("-p", line.pid_file, "Write the pid here")->type_name("FILE");
    app.add_flag("-l", line.options.log_connections, "Log every connection");
    app.add_option("--stop-timeout", line.stop_timeout,
                   "Seconds that servers have to end by themselves when inetd is stopped")
        ->type_name("SECONDS")
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str();
    app.add_flag("--check", line.check, "Check the configuration and exit: 0 or 78");
    app.add_flag("--strict", line.options.strict, "Do not start if any line has an error");
    app.footer("Signals: HUP reloads the configuration, TERM and INT stop.\n"
               "See inetd(8) and inetd.conf(5).\n");
}

int check(const Options& options) {
    const Loaded loaded = load_config(options.load);
    std::string text;
    std::size_t errors = 0;
    for (const Diagnostic& diagnostic : loaded.diagnostics) {
        text += diagnostic.full() + "\n";
        errors += diagnostic.severity == Diagnostic::Severity::error ? 1 : 0;
    }
    std::fputs(text.c_str(), stderr);
    fmt::print("{} service{}, {} error{}, {} warning{}\n", loaded.services.size(),
               loaded.services.size() == 1 ? "" : "s", errors, errors == 1 ? "" : "s",
               loaded.diagnostics.size() - errors,
               loaded.diagnostics.size() - errors == 1 ? "" : "s");
    return errors == 0 ? kExitOk : kExitConfig;
}

// Relative names must mean the same after the daemon has gone to the root directory.
void make_absolute(CommandLine& line) {
    for (std::string& path : line.options.load.paths)
        path = std::filesystem::absolute(path).string();
    if (!line.pid_file.empty()) line.pid_file = std::filesystem::absolute(line.pid_file).string();
}

int serve(const CommandLine& line, Background* background) {
    const auto fail = [&](const Error& error, ExitCode code) {
        log::error("{}", error.text());
        log::flush();
        if (background != nullptr) background->failed(code);
        return code;
    };
    std::optional<PidFile> pid_file;
    if (!line.pid_file.empty()) {
        auto taken = PidFile::take(line.pid_file);
        if (!taken) return fail(taken.error(), kExitRuntime);
        pid_file.emplace(std::move(*taken));
    }
    auto server = Server::create(line.options);
    if (!server) return fail(server.error(), kExitRuntime);
    if (const auto started = (*server)->start(); !started)
        return fail(started.error(), kExitConfig);
    if (background != nullptr) {
        log::flush();
        log::set_sink(std::make_unique<log::SyslogSink>(LOG_DAEMON));
        background->ready();
    }
    (*server)->run();
    return kExitOk;
}

int run(CommandLine& line) {
    Options& options = line.options;
    make_absolute(line);
    if (line.check) return check(options);
    options.foreground = options.foreground || options.debug;
    options.stop_timeout =
        std::chrono::milliseconds(static_cast<std::int64_t>(line.stop_timeout * 1000));
    if (options.debug) log::set_level(log::Level::debug);
    secure_standard_descriptors();
    if (chdir("/") != 0) return kExitRuntime;
    if (options.foreground) return serve(line, nullptr);

    if (line.pid_file.empty()) line.pid_file = kDefaultPidFile;
    auto background = Background::enter();
    if (!background) {
        log::error("{}", background.error().text());
        return kExitRuntime;
    }
    return serve(line, &*background);
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
        return run(line);
    } catch (const std::exception& error) {
        log::error("{}", error.what());
        log::flush();
        return kExitRuntime;
    }
}
