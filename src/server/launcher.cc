#include "server/launcher.h"

#include "config/resource_values.h"
#include "log/log.h"

#include <algorithm>
#include <chrono>
#include <fcntl.h>

namespace inetd {

// Above this many descriptors copying the table costs more than sending one by a message.
static constexpr std::size_t kLargeTable = 80;

// A number is the lowest that was free, so it says how many there are, if it is a new one.
static bool is_large_table(std::size_t listeners, int socket) {
    return std::max(listeners, static_cast<std::size_t>(socket)) > kLargeTable;
}

Launcher::Launcher(EventLoop& loop, std::unique_ptr<Spawner> spawner, Feed& feed, AskParser ask)
    : loop_(loop),
      feed_(feed),
      spawner_(std::move(spawner)),
      errors_(loop),
      hang_ups_(loop),
      client_log_(loop, std::move(ask)) {
    spawner_->on_exec([](const std::shared_ptr<void>& gate, std::chrono::nanoseconds took) {
        static_cast<Gate*>(gate.get())->tally().spawns.add(Tally::kSpawnBounds, took);
    });
}

void Launcher::expect(const std::vector<ServiceConfigPtr>& services) {
    listeners_ = 0;
    bool holds_connections = false;
    bool has_servers = false;
    for (const ServiceConfigPtr& config : services) {
        listeners_ += config->listen.size();
        holds_connections |= config->builtin != Builtin::none && config->type() == SOCK_STREAM;
        if (!config->program) continue;
        has_servers = true;
        spawner_->join_groups_of(*config->terms->account);
    }
    if (has_servers && (listeners_ > kLargeTable || holds_connections))
        spawner_->expect_large_table();
}

// The counters go with the last copy of a socket, and the child's own is closed when its end is
// known.
static Fd copy_for_traffic(const ServiceConfig& config, int protocol, int connection) {
    if (!ClientLog::wants_traffic(config) || config.wait || protocol != IPPROTO_TCP ||
        config.type() != SOCK_STREAM)
        return {};
    return Fd(fcntl(connection, F_DUPFD_CLOEXEC, 0));
}

pid_t Launcher::launch(Order order) {
    const ServiceConfigPtr& config = order.service.config;
    const int protocol =
        config->listen.empty() ? int{IPPROTO_TCP} : config->listen.front().protocol;
    const Environment peer = peer_environment(order.peer, order.local, protocol);
    const Membership* membership = order.service.membership.get();
    if (membership != nullptr && !membership->group) {
        log::error({.event = log::Event::child_failed, .service = config->name},
                   "{}: not started: {}", config->name, membership->problem);
        ++order.gate->tally().failed_spawns;
        return 0;
    }
    SpawnRequest request;
    request.program = config->program.get();
    request.socket = order.socket;
    if (config->wait && config->terms->listen_fds) request.listen_name = config->name;
    request.account = config->terms->account.get();
    request.surroundings = config->terms->surroundings.get();
    request.sandbox = order.service.common->sandbox;
    if (membership != nullptr) request.control_group = membership->group->directory.get();
    request.environment = order.service.common->environment.block();
    request.peer_environment = peer.block();
    request.large_table = is_large_table(listeners_, order.socket);
    request.keep_alive = config;
    request.whose = order.gate;
    request.since = order.since;
    const ErrorOutputs::Output errors = errors_.prepare(config, order.peer);
    request.errors = errors.fd;
    const auto pid = spawner_->spawn(request);
    if (!pid) {
        log::error({.event = log::Event::child_failed, .service = config->name}, "{}: {}",
                   config->name, pid.error().text());
        ++order.gate->tally().failed_spawns;
        return 0;
    }
    errors_.started(errors, *pid);
    auto user = client_log_.server_started(config, order.peer, order.local, *pid);
    feed_.started(*config, order.peer, *pid);
    const TimePoint started = Clock::now();
    children_.add(*pid, {.config = config,
                         .peer = order.peer,
                         .local = order.local,
                         .lease = std::move(order.lease),
                         .at_end = std::move(order.at_end),
                         .endpoint = std::move(order.endpoint),
                         .own_socket = order.own_socket,
                         .started = started,
                         .lines = errors.lines,
                         .tether = Tether::tie(loop_, hang_ups_,
                                               {*pid, config, order.peer, started}, order.socket),
                         .connection = copy_for_traffic(*config, protocol, order.socket),
                         .user = std::move(user),
                         .gate = order.gate});
    return *pid;
}

void Launcher::adopt(pid_t pid, Child child, const Tether::State& tether) {
    child.tether =
        Tether::resume(loop_, hang_ups_, {pid, child.config, child.peer, child.started}, tether);
    child.adopted = true;
    children_.add(pid, std::move(child));
}

// Exit 127 is how a child ends that has reported; one can also be killed just after it has.
static bool may_have_reported(const ChildEnd& end) {
    return end.how != CLD_EXITED || end.status == 127;
}

// A child writes its report before it ends, and the daemon can look at any moment between. Reports
// are read after the batch was reaped: so that of each child in the batch is there. Those of others
// may be there too, whose end comes in a later batch: they are kept for it. Of a child that is not
// one of ours any more none is kept, as its pid may come again.
void Launcher::reap() {
    std::vector<ChildEnd> batch;
    while (const auto end = reap_one())
        batch.push_back(*end);
    if (std::any_of(batch.begin(), batch.end(), may_have_reported)) {
        const auto fresh = spawner_->reports();
        reports_.insert(reports_.end(), fresh.begin(), fresh.end());
        spawner_->sweep();
    }
    for (const ChildEnd& end : batch)
        ended(end);
    std::erase_if(reports_, [this](const auto& report) { return !children_.has(report.pid); });
    groups_.tidy();
}

std::optional<SpawnReport> Launcher::take_report(pid_t pid) {
    const auto found = std::find_if(reports_.begin(), reports_.end(),
                                    [pid](const auto& report) { return report.pid == pid; });
    if (found == reports_.end()) return std::nullopt;
    const SpawnReport report = *found;
    reports_.erase(found);
    return report;
}

// What the stage was about: "exec" of what, "setting the limit of" what.
static std::string object_of(const SpawnReport& report, const ServiceConfig& config) {
    const Confinement& confinement = config.terms->surroundings->confinement;
    const auto item = static_cast<std::size_t>(report.item);
    switch (report.stage) {
    case SpawnStage::exec:
        return " " + config.program->path;
    case SpawnStage::directory:
        return " " + config.terms->surroundings->directory;
    case SpawnStage::root:
        return " " + confinement.root;
    case SpawnStage::paths:
        if (item < confinement.landlock.read_only.size())
            return " " + confinement.landlock.read_only[item];
        return " " + confinement.landlock.read_write[item - confinement.landlock.read_only.size()];
    case SpawnStage::limits:
        // Without a place in the list it is what the daemon had raised for itself.
        if (report.item < 0) return " nofile";
        return fmt::format(" {}", rlimit_name(confinement.rlimits[item].resource));
    default:
        return {};
    }
}

static void count(Tally& tally, const ChildEnd& end, Duration lasted, bool was_started) {
    if (!was_started) {
        ++tally.failed_spawns;
        return;
    }
    tally.sessions.add(Tally::kSessionBounds, lasted);
    tally.count_exit(end.how != CLD_EXITED, end.status);
}

void Launcher::ended(const ChildEnd& end) {
    auto child = children_.take(end.pid);
    if (!child) { // perhaps an orphan that came to us because we are PID 1
        if (on_other_end_) on_other_end_(end);
        return;
    }
    const Duration lasted = Clock::now() - child->started;
    // Its last words come before its end.
    if (const auto lines = child->lines.lock()) {
        lines->pump(ErrorLines::kWholePipe);
        errors_.ended(lines);
    }
    const std::string& name = child->config->name;
    const auto report = take_report(end.pid);
    if (child->gate) count(child->gate->tally(), end, lasted, !report);
    if (report) {
        const std::string object = child->adopted ? "" : object_of(*report, *child->config);
        const Error error{stage_text(report->stage) + object, report->code};
        log::error({.event = log::Event::child_failed,
                    .service = name,
                    .peer = &child->peer,
                    .pid = end.pid},
                   "{}: {}", name, error.text());
    } else {
        ClientLog::server_ended(
            {.config = *child->config,
             .peer = child->peer,
             .end = end,
             .lasted = lasted,
             .traffic = child->connection ? traffic_of(child->connection.get()) : std::nullopt,
             .user = child->user});
    }
    if (feed_.watched()) feed_.ended(*child->config, child->peer, end.pid, end.text(), lasted);
    child->connection.reset();
    if (child->at_end) child->at_end(end, lasted);
}

void Launcher::signal_all(int signal) const {
    for (const auto& entry : children_.all())
        signal_child(entry->first, signal);
}

} // namespace inetd
