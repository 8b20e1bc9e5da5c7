#include "config/effective.h"
#include "config/load.h"
#include "event/signals.h"
#include "log/log.h"
#include "log/syslog_sink.h"
#include "process/background.h"
#include "process/pid_file.h"
#include "server/command_line.h"
#include "server/effective_json.h"
#include "server/inheritance.h"
#include "server/server.h"
#include "server/succession.h"
#include "server/upgrade.h"
#include "server/way_back.h"

#include <cstdio>
#include <exception>
#include <optional>
#include <syslog.h>
#include <unistd.h>
#include <variant>

namespace {

using namespace inetd;

enum ExitCode { kExitOk = 0, kExitRuntime = 1, kExitUsage = 2, kExitConfig = 78 };

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

int dump_all(const Options& options, bool as_json) {
    LoadOptions load = options.load;
    load.trace = true;
    const Loaded loaded = load_config(load);
    const Count count = print(loaded.diagnostics);
    // An argument may hold any bytes, and JSON cannot.
    constexpr auto kLax = nlohmann::ordered_json::error_handler_t::replace;
    const std::string text =
        as_json ? effective_json(loaded).dump(2, ' ', false, kLax) + "\n" : effective_text(loaded);
    static_cast<void>(std::fputs(text.c_str(), stdout));
    return count.errors == 0 ? kExitOk : kExitConfig;
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

// With a hand-over the inheritance comes from that.
int serve(const CommandLine& line, Inheritance inheritance, Background* background,
          std::optional<Handover> handover) {
    const bool may_go_back = handover && line.take_over->second >= 0;
    std::optional<WayBack> way_back;
    const auto fail = [&](const Error& error, ExitCode code) {
        log::error("{}", error.text());
        if (may_go_back) {
            log::error("going back to the binary before");
            log::drain();
            if (way_back) way_back->restore();
            const Error failed = become(handover->invocation, *handover, line.take_over->first,
                                        line.take_over->second, true);
            log::error("{}", failed.text());
        }
        log::drain();
        if (background != nullptr) background->failed(code);
        return code;
    };
    std::optional<PidFile> pid_file;
    Result<std::unique_ptr<Server>> server = Error{};
    try {
        if (may_go_back) way_back.emplace(*handover);
        if (handover) inheritance = inherit_from(*handover);
        if (handover && handover->pid_file >= 0) {
            pid_file.emplace(PidFile::keep(line.pid_file, handover->pid_file));
        } else if (!line.pid_file.empty()) {
            auto taken = PidFile::take(line.pid_file);
            if (!taken) return fail(taken.error(), kExitRuntime);
            pid_file.emplace(std::move(*taken));
        }
        server = Server::create(line.options, std::move(inheritance));
        if (!server) return fail(server.error(), kExitRuntime);
        if (pid_file) (*server)->set_pid_file(pid_file->fd());
        if (handover) (*server)->succeed(*handover, may_go_back);
        if (const auto started = (*server)->start(); !started)
            return fail(started.error(), kExitConfig);
        if (background != nullptr) (*server)->open_log();
        if (const auto limited = (*server)->limit_privileges(); !limited)
            return fail(limited.error(), kExitRuntime);
    } catch (const std::exception& error) {
        // What the loop and its signals need of the kernel; no memory.
        return fail(Error{error.what(), 0}, kExitRuntime);
    }
    way_back.reset();
    if (line.take_over) {
        close(line.take_over->first);
        close(line.take_over->second);
    }
    if (background != nullptr) background->ready();
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
    // On the way back no other binary has come.
    if (previous < 0 && handover->generation > 0) --handover->generation;
    secure_standard_descriptors();
    CommandLine own = line;
    if (own.options.invocation.program.empty())
        own.options.invocation.program = handover->invocation.program;
    return serve(own, {}, nullptr, std::move(*handover));
}

int run(const CommandLine& line) {
    const Options& options = line.options;
    if (line.check) return line.take_over ? try_take_over(line) : check(options);
    if (!line.dump.empty()) return dump_all(options, line.dump == "json");
    if (options.debug) log::set_level(log::Level::debug);
    block_signals();
    // A start is refused; but an upgrade has come too far, and only holds on to a directory.
    if (chdir("/") != 0 && !line.take_over) {
        log::error("{}", errno_error("chdir /").text());
        return kExitRuntime;
    }
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
    try {
        const auto line = parse_command_line(argc, argv);
        if (const int* answered = std::get_if<int>(&line))
            return *answered == 0 ? kExitOk : kExitUsage;
        return run(std::get<CommandLine>(line));
    } catch (const std::exception& error) {
        log::error("{}", error.what());
        log::drain();
        return kExitRuntime;
    }
}
