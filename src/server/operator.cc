#include "server/operator.h"

#include "base/seconds.h"
#include "control/descriptions.h"
#include "log/log.h"
#include "server/metrics.h"
#include "server/state_json.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <unordered_map>

namespace inetd {

using control::Json;

static constexpr control::Product kProduct{
    .vendor = "inetd", .product = "inetd", .version = INETD_VERSION, .url = ""};

Operator::Operator(EventLoop& loop, Roster& roster, Launcher& launcher, const Acceptor& acceptor,
                   Feed& feed, log::Recent& recent, Hooks hooks)
    : loop_(loop),
      roster_(roster),
      launcher_(launcher),
      acceptor_(acceptor),
      feed_(feed),
      recent_(recent),
      hooks_(std::move(hooks)),
      kills_(loop, launcher),
      drainer_(
          roster, [this] { return running(); }, [this] { hooks_.stop(); }),
      server_(loop, make_dispatcher()) {}

control::Dispatcher Operator::make_dispatcher() {
    using enum control::Access;
    const auto method = [this](std::string_view name, control::Access access, auto run) {
        return control::Method{name, access,
                               [this, run](Parameters& parameters, const Responder& responder) {
                                   (this->*run)(parameters, responder);
                               }};
    };
    return {kProduct,
            control::kControl,
            control::kControlDescription,
            {method("GetStatus", read, &Operator::status), method("List", read, &Operator::list),
             method("Metrics", read, &Operator::metrics), method("Show", read, &Operator::show),
             method("Monitor", read, &Operator::monitor), method("Log", read, &Operator::log),
             // It reads files with the daemon's rights, and shows lines of them.
             method("Diff", change, &Operator::diff), method("Reload", change, &Operator::reload),
             method("Pause", change, &Operator::pause), method("Resume", change, &Operator::resume),
             method("Disable", change, &Operator::disable),
             method("Enable", change, &Operator::enable), method("Kill", change, &Operator::kill),
             method("Drain", change, &Operator::drain),
             method("Upgrade", change, &Operator::upgrade)}};
}

static control::Place place_of(const DaemonSettings& settings) {
    return {.path = settings.control == "none" ? "" : settings.control,
            .mode = settings.control_mode,
            .group = settings.control_group};
}

void Operator::listen(const DaemonSettings& settings) {
    again_.reset();
    backoff_.reset();
    listen_at(place_of(settings));
}

void Operator::listen_at(const control::Place& place) {
    const auto listening = server_.listen(place);
    if (listening) {
        if (backoff_.active()) log::notice("control: listening on {}", place.path);
        return backoff_.reset();
    }
    if (listening.error().code == EADDRINUSE)
        return log::warning("control: {} is another daemon's; this one can be asked for nothing",
                            place.path);
    const bool first = !backoff_.active();
    const Duration wait = backoff_.next();
    if (first)
        log::error("control: {}; retrying in {:.1f} s", listening.error().text(), seconds(wait));
    again_ = loop_.after(wait, [this, place] { listen_at(place); });
}

void Operator::take_over(const DaemonSettings& settings, Fd listener) {
    const control::Place place = place_of(settings);
    if (!server_.take_over(place, std::move(listener))) listen(settings);
}

void Operator::hand_over(Handover& all) const {
    all.control = listener();
    all.stops_when_drained = drainer_.stops();
    for (Handover::Child& child : all.children)
        child.kill_at = kills_.time_of(child.pid).value_or(TimePoint());
}

void Operator::take_over(const Handover& handover) {
    drainer_.resume(handover.stops_when_drained);
    for (const Handover::Child& child : handover.children)
        if (child.kill_at != TimePoint() && launcher_.has(child.pid))
            kills_.resume(child.pid, child.kill_at);
}

void Operator::end_of_round() {
    feed_.flush();
    drainer_.look();
}

void Operator::status(Parameters& parameters, const Responder& responder) {
    parameters.done();
    const State state = take_state(roster_, launcher_, loop_.now());
    responder.reply(overview::status(hooks_.about(), state, running()));
}

// Services may have one name, but not one socket.
static std::string identity(const ServiceConfig& config) {
    const std::string address = config.listen.empty() ? "" : config.listen[0].address.to_string();
    return config.id() + " " + address;
}

static std::unordered_map<std::string, std::vector<pid_t>> pids_of(const Launcher& launcher) {
    std::unordered_map<std::string, std::vector<pid_t>> all;
    for (const auto& entry : launcher.children().all())
        all[identity(*entry->second.config)].push_back(entry->first);
    return all;
}

void Operator::list(Parameters& parameters, const Responder& responder) {
    const bool with_pids = parameters.flag("pids").value_or(false);
    parameters.done();
    auto pids = with_pids ? pids_of(launcher_) : decltype(pids_of(launcher_))();
    Json services = Json::array();
    for (const Service& service : roster_.services()) {
        Json one = state_json::service(state_of(service, loop_.now()));
        if (with_pids) one["pids"] = pids[identity(*service.config)];
        services.push_back(std::move(one));
    }
    responder.reply({{"services", std::move(services)}});
}

void Operator::metrics(Parameters& parameters, const Responder& responder) {
    parameters.done();
    const Measures measures = take_measures(roster_, launcher_, acceptor_);
    responder.reply(
        {{"text", metrics_text(hooks_.about(), measures, OpenMetrics::Format::open_metrics)}});
}

void Operator::show(Parameters& parameters, const Responder& responder) {
    const std::string name = parameters.required_text("name");
    parameters.done();
    const auto services = find({name}, responder);
    if (services.empty()) return;
    const State state = take_state(roster_, launcher_, loop_.now());
    Json all = Json::array();
    for (const Service* service : services)
        all.push_back(overview::details(*service, state, acceptor_));
    responder.reply({{"services", std::move(all)}});
}

void Operator::diff(Parameters& parameters, const Responder& responder) {
    auto files = parameters.texts("files").value_or(std::vector<std::string>());
    parameters.done();
    for (const std::string& file : files)
        if (!file.starts_with('/')) throw control::InvalidParameter{"files"};
    const Loaded loaded = hooks_.load(files);
    const bool valid = !has_errors(loaded.diagnostics);
    Json changes = Json::array();
    if (valid) changes = overview::changes(difference(roster_.configs(), loaded.services));
    responder.reply({{"valid", valid},
                     {"diagnostics", state_json::diagnostics(loaded.diagnostics)},
                     {"changes", std::move(changes)}});
}

void Operator::monitor(Parameters& parameters, const Responder& responder) {
    auto name = parameters.text("name");
    parameters.done();
    if (!responder.more()) return responder.fail(control::kExpectedMore);
    if (name && find({*name}, responder).empty()) return;
    if (!feed_.watched()) {
        for (Service& service : roster_.services())
            service.told = static_cast<std::uint8_t>(state_of(service, loop_.now()).condition);
    }
    if (!feed_.watch(responder, std::move(name))) responder.fail(control::kBusy);
}

void Operator::log(Parameters& parameters, const Responder& responder) {
    auto name = parameters.text("name");
    const auto most = parameters.number("lines", 0, INT32_MAX).value_or(INT32_MAX);
    parameters.done();
    if (name && find({*name}, responder).empty()) return;
    // Messages know services by their names alone.
    if (name) name = find({*name}, responder).front()->name();
    Json lines = Json::array();
    for (const log::Recent::Line& line : recent_.lines())
        if (!name || *name == line.service) lines.push_back(state_json::log_line(line));
    if (std::cmp_greater(lines.size(), most))
        lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(most));
    Json reply{{"lines", std::move(lines)}, {"lost", 0}};
    if (!responder.more()) return responder.reply(std::move(reply));
    responder.reply_and_go_on(std::move(reply));
    if (!feed_.follow(responder, std::move(name))) responder.fail(control::kBusy);
}

bool Operator::is_stopping(const Responder& responder) const {
    if (!hooks_.about().stopping) return false;
    responder.fail(control::kNotNow, {{"reason", "the daemon is stopping"}});
    return true;
}

void Operator::reload(Parameters& parameters, const Responder& responder) {
    parameters.done();
    if (is_stopping(responder)) return;
    const ReloadResult result = hooks_.reload();
    responder.reply({{"applied", result.applied},
                     {"anew", result.anew},
                     {"added", result.added},
                     {"removed", result.removed},
                     {"updated", result.updated},
                     {"unchanged", result.unchanged},
                     {"diagnostics", state_json::diagnostics(result.diagnostics)}});
}

void Operator::drain(Parameters& parameters, const Responder& responder) {
    const bool stop = parameters.flag("stop").value_or(false);
    parameters.done();
    if (is_stopping(responder)) return;
    hooks_.drained();
    drainer_.begin(responder, stop);
}

void Operator::upgrade(Parameters& parameters, const Responder& responder) {
    parameters.done();
    if (is_stopping(responder)) return;
    upgrading_.push_back(responder);
    hooks_.upgrade();
}

void Operator::upgrade_refused(const std::string& why) {
    for (const Responder& responder : std::exchange(upgrading_, {}))
        responder.fail(control::kUpgradeRefused, {{"reason", why}});
}

} // namespace inetd
