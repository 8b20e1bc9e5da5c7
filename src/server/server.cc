#include "server/server.h"

#include "base/text.h"
#include "base/time_zone.h"
#include "log/log.h"
#include "process/descriptors.h"
#include "process/footprint.h"
#include "server/reports.h"
#include "server/state_text.h"
#include "server/succession.h"

#include <csignal>
#include <fcntl.h>
#include <sys/stat.h>

namespace inetd {

Result<std::unique_ptr<Server>> Server::create(const Options& options, Inheritance&& inheritance) {
    auto spawner = Spawner::create(SpawnMethod::shared_memory);
    if (!spawner) return spawner.error();
    std::unique_ptr<Server> server(new Server(options, std::move(*spawner)));
    server->keeper_.inherit(std::move(inheritance));
    return server;
}

Server::Server(Options options, std::unique_ptr<Spawner> spawner)
    : options_(std::move(options)),
      logging_(loop_, options_.foreground),
      signals_(loop_, {SIGCHLD, SIGHUP, SIGUSR1, SIGUSR2, SIGTERM, SIGINT, SIGQUIT},
               [this](int signal, pid_t) { on_signal(signal); }),
      launcher_(loop_, std::move(spawner), feed_, parser_.asker()),
      supervisor_(loop_, [this] { return status(); }),
      upgrade_(loop_, launcher_, options_.invocation,
               {.state = [this] { return hand_over_all(); },
                .unsettled = [this] { return acceptor_.unsettled() != 0; },
                .leaving =
                    [this] {
                        acceptor_.retire_workers();
                        supervisor_.reloading();
                    },
                .staying =
                    [this] {
                        pending_reload_.clear();
                        supervisor_.reloaded("");
                    },
                .refused = [this](const std::string& why) { operator_.upgrade_refused(why); }}),
      privileges_(options_.load, {[this] { return launcher_.running() - upgrade_.trials(); },
                                  [this] { return upgrade_.under_way(); }}),
      keeper_(supervisor_),
      acceptor_(loop_, launcher_, keeper_, feed_, parser_),
      roster_(loop_, acceptor_, launcher_, keeper_),
      shutdown_(loop_, launcher_, supervisor_),
      state_dump_(
          [this] { return state_text(status(), take_state(roster_, launcher_, Clock::now())); }),
      operator_(loop_, roster_, launcher_, acceptor_, feed_, recent_, make_hooks()),
      documents_({.about = [this] { return about(); },
                  .measures = [this] { return take_measures(roster_, launcher_, acceptor_); }}) {
    launcher_.on_other_end([this](const ChildEnd& end) { state_dump_.ended(end); });
    acceptor_.set_mux([this](const std::string& name) { return roster_.find_muxed(name); },
                      [this] { return roster_.muxed_names(); });
    acceptor_.set_documents([this](const HttpRequest& request) { return documents_.find(request); },
                            [this] { return !roster_.drained(); });
    loop_.at_end_of_round([this] {
        logging_.flush();
        const std::size_t busy = launcher_.running() + acceptor_.sessions();
        if (busy != busy_) supervisor_.touch();
        busy_ = busy;
        operator_.end_of_round();
    });
    log::set_recent(&recent_);
    recent_.on_line([this](const log::Recent::Line& line) { feed_.line(line); });
    umask(022); // what children take over from us
    take_descriptors();
}

Operator::Hooks Server::make_hooks() {
    return {.about = [this] { return about(); },
            .settings = [this]() -> const DaemonSettings& { return settings_; },
            .reload = [this] { return reload(); },
            .load =
                [this](const std::vector<std::string>& files) {
                    LoadOptions load = options_.load;
                    if (!files.empty()) load.paths = files;
                    Loaded loaded = load_config(load);
                    loaded.services = keeper_.with_handed_in(std::move(loaded.services));
                    return loaded;
                },
            .drained = [this] { acceptor_.http().close_idle(); },
            .upgrade = [this] { begin_upgrade(); },
            .stop = [this] { stop(); }};
}

// As many descriptors as we may have, because each client of a built-in costs one; children get the
// limit back that we were given.
void Server::take_descriptors() {
    const auto limit = raise_descriptor_limit();
    if (!limit) return;
    keeper_.set_descriptor_limit(limit->soft);
    if (!limit->raised) return;
    descriptor_limit_ = {limit->soft, limit->hard};
    launcher_.spawner().restore_descriptor_limit(limit->soft, limit->hard);
}

Server::~Server() {
    log::set_recent(nullptr);
}

void Server::succeed(Handover handover, bool may_go_back) {
    may_go_back_ = may_go_back;
    if (handover.started != TimePoint{}) started_ = handover.started;
    generation_ = handover.generation;
    reloads_ = handover.reloads;
    if (const auto& limit = handover.descriptor_limit) {
        descriptor_limit_ = limit;
        keeper_.set_descriptor_limit(limit->first);
        launcher_.spawner().restore_descriptor_limit(limit->first, limit->second);
    }
    predecessor_ = std::move(handover);
}

Handover Server::hand_over_all() const {
    Handover all = hand_over(roster_, launcher_, acceptor_, keeper_);
    all.invocation = options_.invocation;
    all.pid_file = pid_file_;
    all.descriptor_limit = descriptor_limit_;
    operator_.hand_over(all);
    all.started = started_;
    all.generation = generation_ + 1;
    all.reloads = reloads_;
    all.reload = pending_reload_;
    return all;
}

void Server::hold_reserve() {
    if (!reserve_) reserve_.reset(open("/dev/null", O_RDONLY | O_CLOEXEC));
}

Result<void> Server::start() {
    Loaded loaded = load_config(options_.load);
    const std::size_t errors = log_diagnostics(loaded.diagnostics);
    // The trial before an upgrade has seen no error, so this one is of the moment.
    if (errors != 0 && (loaded.daemon.strict || loaded.services.empty() || may_go_back_))
        return Error{fmt::format("not started: {} error{} in the configuration", errors,
                                 errors == 1 ? "" : "s"),
                     0};
    settings_ = loaded.daemon;
    diagnostics_ = std::move(loaded.diagnostics);
    if (options_.foreground || predecessor_) open_log();
    if (predecessor_) {
        roster_.set_holds(holds_of(*predecessor_));
        if (predecessor_->control >= 0) operator_.take_over(settings_, Fd(predecessor_->control));
    }
    const auto services = keeper_.with_handed_in(loaded.services);
    keeper_.sort_out(services);
    take_up(loaded.daemon, plan_reload({}, services), services);
    hold_reserve();
    if (predecessor_) {
        take_over(*predecessor_, roster_, launcher_, acceptor_);
        operator_.take_over(*predecessor_);
        if (may_go_back_ || predecessor_->reload.empty())
            log::notice("upgraded from version {} to " INETD_VERSION,
                        escaped(predecessor_->version));
        if (!predecessor_->reload.empty()) note_reload(true, predecessor_->reload);
        roster_.set_holds({});
        predecessor_.reset();
        launcher_.reap();
    }
    return {};
}

void Server::open_log() {
    const Diagnostics said = std::exchange(diagnostics_, {});
    if (logging_.apply(settings_)) log_diagnostics(said);
}

void Server::take_up(const DaemonSettings& settings, const Plan& plan,
                     const std::vector<ServiceConfigPtr>& services) {
    settings_ = settings;
    acceptor_.screening().resolver().forget();
    launcher_.client_log().set_log_connections(settings_.log_connections);
    roster_.set_keep_environment(settings_.keep_environment);
    launcher_.errors().open_files(services);
    launcher_.expect(services);
    roster_.apply(plan, services);
    operator_.listen(settings_);
}

Result<void> Server::limit_privileges() {
    auto limited = privileges_.limit(settings_, roster_.configs());
    if (limited && privileges_.sealed())
        log::info("{} (user) from now on", settings_.account->user);
    return limited;
}

void Server::begin_upgrade() {
    if (!privileges_.sealed()) return upgrade_.begin();
    upgrade_.refuse("the daemon has given up for good to execute anything (user): restart it");
}

void Server::run() {
    log::info({.event = log::Event::started}, "{}", status());
    log::flush();
    supervisor_.ready();
    shrink_footprint();
    loop_.run();
    operator_.close();
    roster_.close_all(leaving_ ? Parting::restart : Parting::stop);
    launcher_.errors().drain();
    log::drain();
}

std::string Server::status() const {
    return status_line(roster_, shutdown_.begun(), launcher_.running() + acceptor_.sessions());
}

void Server::on_signal(int signal) {
    switch (signal) {
    case SIGCHLD:
        launcher_.reap();
        shutdown_.server_ended();
        break;
    case SIGHUP:
        reload();
        break;
    case SIGUSR1:
        state_dump_.start(settings_.dump_file);
        break;
    case SIGUSR2:
        if (!shutdown_.begun()) begin_upgrade();
        break;
    case SIGQUIT:
        leave();
        break;
    default:
        stop();
        break;
    }
}

// For a restart: those who are being served stay served.
void Server::leave() {
    leaving_ = true;
    supervisor_.stopping();
    log::notice({.event = log::Event::stopped}, "leaving; {} still running", launcher_.running());
    loop_.stop();
}

ReloadResult Server::reload() {
    ReloadResult result;
    if (shutdown_.begun()) return result;
    supervisor_.reloading();
    reread_time_zone();
    Logging::reopen();
    reserve_.reset();
    Loaded loaded = load_config(options_.load);
    hold_reserve();
    Privileges::Verdict rights;
    if (!has_errors(loaded.diagnostics)) rights = privileges_.prepare(loaded);
    if (rights.problem) loaded.diagnostics.push_back(general_error(options_, *rights.problem));
    const std::size_t errors = log_diagnostics(loaded.diagnostics);
    result.diagnostics = std::move(loaded.diagnostics);
    if (errors != 0) {
        result.text = fmt::format("reload refused: {} error{}; everything stays as it was", errors,
                                  errors == 1 ? "" : "s");
    } else {
        apply(loaded, rights.missing, result);
    }
    ++(result.applied ? reloads_.applied : reloads_.refused);
    if (result.anew) return result;
    note_reload(result.applied, result.text);
    supervisor_.reloaded(result.applied ? "" : result.text);
    shrink_footprint();
    return result;
}

void Server::note_reload(bool applied, const std::string& text) {
    log::print(applied ? log::Level::notice : log::Level::error,
               {.event = applied ? log::Event::reloaded : log::Event::reload_refused}, "{}", text);
    feed_.reloaded(text);
    last_reload_ = {.at = Clock::now(), .applied = applied, .text = text};
}

void Server::apply(const Loaded& loaded, CapabilitySet missing, ReloadResult& result) {
    const auto services = keeper_.with_handed_in(loaded.services);
    const Plan plan = plan_reload(roster_.configs(), services);
    count_changes(result, plan);
    if (missing.mask != 0) {
        log::notice("executing inetd anew for {}", capabilities_line(missing));
        result.anew = true;
        pending_reload_ = result.text;
        return upgrade_.renew();
    }
    logging_.apply(loaded.daemon);
    take_up(loaded.daemon, plan, services);
    if (const auto limited = limit_privileges(); !limited)
        log::error("{}; restart the daemon", limited.error().text());
}

About Server::about() const {
    return {.started = started_,
            .generation = generation_,
            .stopping = shutdown_.begun(),
            .files = options_.load.paths,
            .settings = options_.load.settings,
            .last_reload = last_reload_,
            .reloads = reloads_,
            .privileges = privileges_.state()};
}

// The first time: nobody new, and those who are here may finish. The second time: now.
void Server::stop() {
    if (shutdown_.begun()) return shutdown_.hurry();
    upgrade_.end();
    acceptor_.admission().stop();
    roster_.close_all(Parting::stop);
    acceptor_.stop_sessions();
    shutdown_.begin(settings_.stop_timeout);
}

} // namespace inetd
