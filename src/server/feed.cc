#include "server/feed.h"

#include "control/responder.h"
#include "server/state.h"
#include "server/state_json.h"

#include <algorithm>
#include <chrono>

namespace inetd {

using control::Json;

// Each costs something for every client of every service.
static constexpr std::size_t kMostWatchers = 4;

struct Feed::Watcher {
    control::Responder responder;
    std::optional<std::string> service;
    std::uint64_t lost = 0;

    [[nodiscard]] bool wants(const std::string& name, const std::string& protocol) const {
        return !service || *service == name || *service == name + "/" + protocol;
    }
    void tell(const char* member, const Json& what) {
        if (!responder.has_room()) {
            ++lost;
            return;
        }
        responder.reply_and_go_on({{member, what}, {"lost", lost}});
        lost = 0;
    }
};

Feed::Feed() = default;
Feed::~Feed() = default;

static Json event_of(const char* kind, const ServiceConfig* service) {
    using namespace std::chrono;
    const auto now = duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
    return {{"time", static_cast<double>(now) / 1000},
            {"kind", kind},
            {"service", service != nullptr ? Json(service->name) : Json()},
            {"protocol", service != nullptr ? Json(service->terms->protocol) : Json()},
            {"peer", nullptr},
            {"pid", nullptr},
            {"text", nullptr},
            {"lasted", nullptr}};
}

static void note_who(Json& event, const SocketAddress& peer, pid_t pid) {
    event["peer"] = state_json::peer(peer);
    if (pid != 0) event["pid"] = pid;
}

void Feed::tell_start(const ServiceConfig& service, const SocketAddress& peer, pid_t pid) {
    Json event = event_of("started", &service);
    note_who(event, peer, pid);
    for (Watcher& watcher : watchers_)
        if (watcher.wants(service.name, service.terms->protocol)) watcher.tell("event", event);
}

void Feed::tell_end(const ServiceConfig& service, const SocketAddress& peer, pid_t pid,
                    std::string_view how, Duration lasted) {
    if (service.terms->protocol.empty()) return; // a child for a purpose of our own
    Json event = event_of("ended", &service);
    note_who(event, peer, pid);
    event["text"] = how;
    event["lasted"] = std::chrono::duration<double>(lasted).count();
    for (Watcher& watcher : watchers_)
        if (watcher.wants(service.name, service.terms->protocol)) watcher.tell("event", event);
}

void Feed::tell_refusal(const ServiceConfig& service, const SocketAddress& peer, const char* key) {
    Json event = event_of("refused", &service);
    note_who(event, peer, 0);
    event["text"] = key;
    for (Watcher& watcher : watchers_)
        if (watcher.wants(service.name, service.terms->protocol)) watcher.tell("event", event);
}

void Feed::reloaded(const std::string& text) {
    if (!watched()) return;
    Json event = event_of("reload", nullptr);
    event["text"] = text;
    for (Watcher& watcher : watchers_)
        if (!watcher.service) watcher.tell("event", event);
}

void Feed::flush() {
    const auto gone = [](const Watcher& watcher) { return !watcher.responder.alive(); };
    std::erase_if(watchers_, gone);
    watched_ = !watchers_.empty();
    std::erase_if(followers_, gone);
    if (!watched()) return changed_.clear();
    std::sort(changed_.begin(), changed_.end());
    changed_.erase(std::unique(changed_.begin(), changed_.end()), changed_.end());
    for (Service* service : changed_) {
        const State::Service state = state_of(*service, Clock::now());
        const auto now = static_cast<std::uint8_t>(state.condition);
        if (std::exchange(service->told, now) == now) continue;
        Json event = event_of("state", service->config.get());
        event["text"] = condition_text(state.condition);
        for (Watcher& watcher : watchers_)
            if (watcher.wants(service->name(), service->config->terms->protocol))
                watcher.tell("event", event);
    }
    changed_.clear();
}

bool Feed::watch(const control::Responder& responder, std::optional<std::string> service) {
    if (watchers_.size() >= kMostWatchers) return false;
    responder.reply_and_go_on({{"event", nullptr}, {"lost", 0}});
    watchers_.push_back({responder, std::move(service)});
    watched_ = true;
    return true;
}

bool Feed::follow(const control::Responder& responder, std::optional<std::string> service) {
    if (followers_.size() >= kMostWatchers) return false;
    followers_.push_back({responder, std::move(service)});
    return true;
}

void Feed::line(const log::Recent::Line& line) {
    if (followers_.empty()) return;
    const Json lines = Json::array({state_json::log_line(line)});
    for (Watcher& follower : followers_)
        if (follower.wants(line.service, {})) follower.tell("lines", lines);
}

} // namespace inetd
