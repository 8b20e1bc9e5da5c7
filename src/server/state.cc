#include "server/state.h"

#include "config/rate.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <fmt/core.h>

namespace inetd {

const char* condition_text(Condition condition) {
    static constexpr std::array kTexts{"listening", "parked",  "lent",     "failed",
                                       "paused",    "drained", "disabled", "muxed"};
    return kTexts[static_cast<std::size_t>(condition)];
}

static std::string parked_text(const Endpoint& endpoint, TimePoint now) {
    const Service& service = *endpoint.service;
    const Limits& limits = service.config->terms->limits;
    const Gate::Room room = service.counts().room(limits, now);
    if (room.full) return fmt::format("all {} instances run", limits.instances);
    if (room.rate != Duration::zero())
        return fmt::format("the rate of {} is reached", rate_text(limits.rate));
    if (endpoint.setback && endpoint.setback->death_backoff.active())
        return "its server ended without taking what came in";
    return "there was no descriptor or memory for a client";
}

static Condition condition_of(Hold hold) {
    switch (hold) {
    case Hold::paused:
        return Condition::paused;
    case Hold::drained:
        return Condition::drained;
    case Hold::disabled:
        return Condition::disabled;
    case Hold::none:
        break;
    }
    return Condition::listening;
}

static State::Socket socket_of(const Endpoint& endpoint, TimePoint now) {
    State::Socket socket;
    socket.address = endpoint.spec().address.to_string();
    socket.type = endpoint.spec().type;
    socket.server = endpoint.lent_to;
    const Hold hold = endpoint.service->hold;
    if (hold == Hold::disabled) {
        socket.condition = Condition::disabled;
    } else if (!endpoint.listener) {
        socket.condition = Condition::failed;
        if (endpoint.failure) socket.reason = endpoint.failure->why;
    } else if (endpoint.lent_to != 0) {
        socket.condition = Condition::lent;
    } else if (hold != Hold::none) {
        socket.condition = condition_of(hold);
    } else if (!endpoint.watch) {
        socket.condition = Condition::parked;
        socket.reason = parked_text(endpoint, now);
    }
    return socket;
}

State::Service state_of(const Service& service, TimePoint now) {
    State::Service state{.config = service.config,
                         .running = service.counts().running(),
                         .started = service.counts().started(),
                         .refused = service.counts().refused(),
                         .last_use = service.counts().last_use(),
                         .condition = condition_of(service.hold),
                         .reason = {},
                         .sockets = {},
                         .load = {}};
    for (const auto& endpoint : service.endpoints)
        state.sockets.push_back(socket_of(*endpoint, now));
    if (service.hold != Hold::none) return state;
    if (state.sockets.empty()) state.condition = Condition::muxed;
    // The one that needs somebody's attention most speaks for all.
    for (const auto condition : {Condition::lent, Condition::parked, Condition::failed}) {
        for (const State::Socket& socket : state.sockets) {
            if (socket.condition != condition) continue;
            state.condition = condition;
            state.reason = socket.reason;
        }
    }
    return state;
}

State take_state(const Roster& roster, const Launcher& launcher, TimePoint now) {
    State state;
    state.at = now;
    for (const Service& service : roster.services()) {
        state.services.push_back(state_of(service, now));
        state.services.back().load = service.counts().history(now);
    }
    for (const auto& entry : launcher.children().all()) {
        const auto& [pid, child] = *entry;
        state.servers.push_back({pid, child.config, child.peer, child.started});
    }
    std::sort(state.servers.begin(), state.servers.end(),
              [](const auto& a, const auto& b) { return a.started < b.started; });
    return state;
}

double calendar_time(TimePoint time) {
    using namespace std::chrono;
    const auto ago = Clock::now() - time;
    const auto then = system_clock::now() - duration_cast<system_clock::duration>(ago);
    const auto ms = duration_cast<milliseconds>(then.time_since_epoch()).count();
    return static_cast<double>(ms) / 1000;
}

} // namespace inetd
