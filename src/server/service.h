#pragma once

#include "base/lazy.h"
#include "config/model.h"
#include "event/loop.h"
#include "net/listener.h"
#include "net/peer_socket.h"
#include "net/queue.h"
#include "policy/access_list.h"
#include "policy/backoff.h"
#include "policy/gate.h"
#include "policy/throttle.h"
#include "process/environment.h"
#include "process/group_tree.h"
#include "process/sandbox.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace inetd {

struct Service;

// What the daemon after us has to know of a wait server that may outlive us.
struct Loan {
    Fd pidfd;
    Watch watch; // for a server of a daemon before us, which is not our child
    Timer timer; // until it is worth noting
    bool noted = false;
    std::shared_ptr<void> lease; // of such a server
};

// What a socket that could not be opened waits for.
struct Failure {
    std::string why;
    bool absent = false; // its address or its interface: until whatever appears
    Timer timer;         // else it is tried again
    Backoff backoff{std::chrono::milliseconds(100), std::chrono::seconds(30)};
};

// What has gone wrong with a socket that is open, until all goes well again.
struct Setback {
    TimePoint not_before{}; // nobody is listened to until then
    Timer timer;            // re-arms
    Backoff accept_backoff{std::chrono::milliseconds(50), std::chrono::seconds(1)};
    Backoff death_backoff{std::chrono::milliseconds(100), std::chrono::seconds(10)};
    std::optional<QueueHead> left_over; // what the last wait server did not take
    std::vector<HeldDatagram> held;     // came while there was no room for their peers
    unsigned idle_deaths = 0;           // wait servers in a row that seem to have taken nothing
};

// One socket of a service, and what stands in the way of its being listened on.
//
//   failed    listener has no socket: could not be opened; its Failure says what becomes of it
//   lent      lent_to is the pid of the wait server that holds the socket
//   parked    not watched: the service is full (until an instance ends), or not_before lies ahead
//             (rate, back-off, no descriptors, shut down by a process that still has it), or it is
//             on hold
//   listening watched
//
// There may be many that nobody ever comes to, so what those have no need of is made late.
struct Endpoint {
    Endpoint(Service& owner, std::size_t place)
        : service(&owner), index(static_cast<std::uint32_t>(place)) {}

    Service* service; // changes when a reload hands the socket to the service's new form
    Listener listener;
    Watch watch;         // after the listener, so that it goes first
    std::uint32_t index; // into service->config->listen, and into service->endpoints
    pid_t lent_to = 0;
    std::unique_ptr<Loan> loan; // while it is lent
    Lazy<Failure> failure;      // only while there is no listener
    Lazy<Setback> setback;

    [[nodiscard]] const ListenSpec& spec() const;
    [[nodiscard]] bool is_datagram() const { return spec().type == SOCK_DGRAM; }
    // For whoever may outlive it.
    [[nodiscard]] std::weak_ptr<Endpoint> weak() const;
    void stop_timers() {
        if (failure) failure->timer.reset();
        if (setback) setback->timer.reset();
    }
};

// What somebody has asked for until the next reload: nothing, that clients wait, that they do while
// everything comes to an end, or that the sockets are closed.
enum class Hold : std::uint8_t { none, paused, drained, disabled };

// What services of equal settings have in common.
struct ServiceCommon {
    Environment environment;                  // of every instance
    std::shared_ptr<const Sandbox> sandbox;   // the same; null = none
    std::shared_ptr<const AccessList> access; // null = there are no lists
};

// The control group of a service that asks for one.
struct Membership {
    std::shared_ptr<const ServiceGroup> group;
    std::string problem; // why it cannot have it; else empty
};

// When the log was last told of what may happen often.
struct ServiceNotes {
    Throttle full;
    Throttle refused;
    Throttle exhausted;
    Throttle repaired;
};

// The run-time side of one line of the configuration. Lives until a reload gives the line a new
// form or drops it; the gate, with the counts of what runs, goes on to the new form.
struct Service {
    Service() = default;
    Service(const Service&) = delete; // its endpoints and its gate know where it is
    Service& operator=(const Service&) = delete;

    ServiceConfigPtr config;
    std::shared_ptr<Gate> gate; // null until somebody comes; made by Admission::gate_of()
    std::shared_ptr<const ServiceCommon> common;      // never null
    std::unique_ptr<const Membership> membership;     // null = it asks for no group
    std::vector<std::shared_ptr<Endpoint>> endpoints; // one for each of config->listen
    Lazy<ServiceNotes> notes;
    bool screened = false; // config->terms->access says who may come in
    Hold hold = Hold::none;
    std::uint8_t told = 0; // the Condition that those who watch know

    [[nodiscard]] const std::string& name() const { return config->name; }
    // Of the gate; where there is none yet, as of one that nobody has come to.
    [[nodiscard]] const Gate& counts() const {
        if (gate) return *gate;
        static const Gate kNobody{};
        return kNobody;
    }
    // Some socket of it could not be opened.
    [[nodiscard]] bool failed() const {
        return hold != Hold::disabled &&
               std::any_of(endpoints.begin(), endpoints.end(),
                           [](const auto& endpoint) { return !endpoint->listener; });
    }
};

inline const ListenSpec& Endpoint::spec() const {
    return service->config->listen[index];
}

inline std::weak_ptr<Endpoint> Endpoint::weak() const {
    return service->endpoints[index];
}

} // namespace inetd
