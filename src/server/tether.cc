#include "server/tether.h"

#include "base/seconds.h"
#include "log/log.h"
#include "process/children.h"

#include <csignal>
#include <fmt/core.h>

namespace inetd {

using namespace std::chrono_literals;

static constexpr Duration kKillTimeout = 5s; // between TERM and KILL

static bool is_limited(const ServiceConfig& config) {
    return !config.wait && config.terms->session_timeout != 0ms;
}

static bool is_watched(const ServiceConfig& config) {
    return !config.wait && config.terms->kill_on_disconnect && config.type() != SOCK_DGRAM;
}

std::unique_ptr<Tether> Tether::tie(EventLoop& loop, HangUps& hang_ups, Server server,
                                    int connection) {
    const bool limited = is_limited(*server.config);
    const bool watched = is_watched(*server.config);
    if (!limited && !watched) return nullptr;
    std::unique_ptr<Tether> tether(new Tether(loop, hang_ups, std::move(server)));
    if (limited) tether->limit();
    if (watched) tether->watch(connection);
    return tether;
}

std::unique_ptr<Tether> Tether::resume(EventLoop& loop, HangUps& hang_ups, Server server,
                                       const State& state) {
    const bool limited = is_limited(*server.config);
    const bool watched = is_watched(*server.config) && state.hang_up != 0;
    if (!limited && !watched && !state.ending) return nullptr;
    std::unique_ptr<Tether> tether(new Tether(loop, hang_ups, std::move(server)));
    if (state.ending) {
        tether->kill_later();
        return tether;
    }
    if (limited) tether->limit();
    if (watched) tether->end_with(state.hang_up);
    return tether;
}

void Tether::limit() {
    const auto most = server_.config->terms->session_timeout;
    timer_ = loop_.after(server_.started + most - Clock::now(), [this, most] {
        end(fmt::format("has run for its session_timeout of {:g} s", seconds(most)));
    });
}

void Tether::watch(int connection) {
    const auto hang_up = hang_ups_.add(connection);
    if (hang_up) return end_with(*hang_up);
    log::warning({.service = server_.config->name, .peer = &server_.peer, .pid = server_.pid},
                 "{}: pid {}: kill_on_disconnect: {}", server_.config->name, server_.pid,
                 hang_up.error().text());
}

void Tether::end_with(HangUps::Token hang_up) {
    hang_up_ = hang_up;
    hang_ups_.on_end(hang_up, [this] { end("has lost its client (kill_on_disconnect)"); });
}

void Tether::end(const std::string& why) {
    hang_ups_.forget(hang_up_);
    log::notice({.service = server_.config->name, .peer = &server_.peer, .pid = server_.pid},
                "{}: {}: pid {} {}: sending SIGTERM", server_.config->name,
                server_.peer.unmapped().to_string(), server_.pid, why);
    signal_child(server_.pid, SIGTERM);
    kill_later();
}

void Tether::kill_later() {
    ending_ = true;
    timer_ = loop_.after(kKillTimeout, [this] {
        log::notice({.service = server_.config->name, .peer = &server_.peer, .pid = server_.pid},
                    "{}: pid {} goes on: sending SIGKILL", server_.config->name, server_.pid);
        signal_child(server_.pid, SIGKILL);
    });
}

} // namespace inetd
