#include "server/server.h"

#include "log/log.h"
#include "systemd/notify.h"

#include <algorithm>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace inetd {

using namespace std::chrono_literals;

static constexpr Duration kKillTimeout = 5s; // between TERM and KILL

Result<std::unique_ptr<Server>> Server::create(const Options& options) {
    auto spawner = Spawner::create(SpawnMethod::shared_memory);
    if (!spawner) return spawner.error();
    return std::unique_ptr<Server>(new Server(options, std::move(*spawner)));
}

Server::Server(const Options& options, std::unique_ptr<Spawner> spawner)
    : options_(options),
      signals_(loop_, {SIGCHLD, SIGHUP, SIGTERM, SIGINT},
               [this](int signal, pid_t) { on_signal(signal); }),
      launcher_(loop_, std::move(spawner), options.log_connections),
      acceptor_(loop_, launcher_,
                {.idle_timeout = options.idle_timeout, .log_connections = options.log_connections}),
      roster_(loop_, acceptor_, options.keep_environment) {
    acceptor_.set_mux([this](const std::string& name) { return roster_.find_muxed(name); },
                      [this] { return roster_.muxed_names(); });
    loop_.at_end_of_round([] { log::flush(); });
    // What children take over from us.
    umask(022);
    take_descriptors();
}

// As many descriptors as we may have, because each client of a built-in costs one; children get the
// limit back that we were given.
void Server::take_descriptors() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
    const rlim_t soft = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
        launcher_.spawner().restore_descriptor_limit(soft, limit.rlim_max);
}

void Server::hold_reserve() {
    if (!reserve_) reserve_.reset(open("/dev/null", O_RDONLY | O_CLOEXEC));
}

static void log_diagnostics(const Diagnostics& diagnostics) {
    for (const Diagnostic& diagnostic : diagnostics) {
        const bool error = diagnostic.severity == Diagnostic::Severity::error;
        log::print(error ? log::Level::error : log::Level::warning, "{}{}", diagnostic.headline(),
                   diagnostic.hint.empty() ? "" : "; " + diagnostic.hint);
    }
}

static std::size_t count_errors(const Diagnostics& diagnostics) {
    return static_cast<std::size_t>(
        std::count_if(diagnostics.begin(), diagnostics.end(), [](const Diagnostic& diagnostic) {
            return diagnostic.severity == Diagnostic::Severity::error;
        }));
}

Result<void> Server::start() {
    const Loaded loaded = load_config(options_.load);
    log_diagnostics(loaded.diagnostics);
    const std::size_t errors = count_errors(loaded.diagnostics);
    if (errors != 0 && (options_.strict || loaded.services.empty()))
        return Error{fmt::format("not started: {} error{} in the configuration", errors,
                                 errors == 1 ? "" : "s"),
                     0};
    roster_.apply(plan_reload({}, loaded.services), loaded.services);
    hold_reserve();
    return {};
}

void Server::run() {
    log::info("{}", status());
    notify("READY=1\nSTATUS=" + status());
    loop_.run();
    roster_.close_all();
    log::flush();
}

std::string Server::status() const {
    std::size_t failed = 0;
    for (const auto& service : roster_.services()) {
        failed += static_cast<std::size_t>(
            std::any_of(service->endpoints.begin(), service->endpoints.end(),
                        [](const auto& endpoint) { return endpoint->listener == nullptr; }));
    }
    const std::size_t services = roster_.services().size();
    return fmt::format("{} service{}{}", services, services == 1 ? "" : "s",
                       failed != 0 ? fmt::format(", {} failed", failed) : "");
}

void Server::on_signal(int signal) {
    switch (signal) {
    case SIGCHLD:
        launcher_.reap();
        finish_if_idle();
        break;
    case SIGHUP:
        reload();
        break;
    default:
        stop();
        break;
    }
}

void Server::reload() {
    if (stopping_) return;
    log::reopen();
    reserve_.reset();
    const Loaded loaded = load_config(options_.load);
    hold_reserve();
    log_diagnostics(loaded.diagnostics);
    if (const std::size_t errors = count_errors(loaded.diagnostics); errors != 0) {
        log::error("reload refused: {} error{}; everything stays as it was", errors,
                   errors == 1 ? "" : "s");
        return;
    }
    const Plan plan = plan_reload(roster_.configs(), loaded.services);
    roster_.apply(plan, loaded.services);
    log::notice("reload: {} added, {} removed, {} updated, {} unchanged", plan.added, plan.removed,
                plan.updated, plan.unchanged);
}

// The first time: nobody new, and those who are here may finish. The second time: now.
void Server::stop() {
    if (stopping_) return end_children(SIGTERM);
    stopping_ = true;
    notify("STOPPING=1");
    acceptor_.stop();
    roster_.close_all();
    acceptor_.stop_sessions();
    if (launcher_.running() != 0) {
        log::notice("stopping; waiting {:.0f} s for {} to end",
                    std::chrono::duration<double>(options_.stop_timeout).count(),
                    launcher_.running());
        stop_timer_ = loop_.after(options_.stop_timeout, [this] { end_children(SIGTERM); });
    }
    finish_if_idle();
}

void Server::end_children(int signal) {
    log::notice("{} still running: sending SIG{}", launcher_.running(), sigabbrev_np(signal));
    launcher_.signal_all(signal);
    if (signal == SIGTERM)
        stop_timer_ = loop_.after(kKillTimeout, [this] { end_children(SIGKILL); });
}

void Server::finish_if_idle() {
    if (stopping_ && launcher_.running() == 0) loop_.stop();
}

} // namespace inetd
