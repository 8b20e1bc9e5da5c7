#pragma once

#include "event/loop.h"
#include "policy/load_history.h"
#include "server/launcher.h"
#include "server/roster.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace inetd {

// What a socket, and a service with all of its sockets, is doing.
enum class Condition : std::uint8_t {
    listening,
    parked,   // for a limit, or after a failure
    lent,     // to a wait server
    failed,   // could not be opened, and is tried again
    paused,   // these three because somebody has asked for it
    drained,  //
    disabled, //
    muxed,    // has no socket: is behind tcpmux
};

inline constexpr std::size_t kConditions = static_cast<std::size_t>(Condition::muxed) + 1;

// "listening"
[[nodiscard]] const char* condition_text(Condition condition);

// The services, their sockets and the servers that run at one moment, as values.
struct State {
    struct Socket {
        std::string address;
        int type = 0;
        Condition condition = Condition::listening;
        std::string reason; // why nobody is listened to: "all 3 instances run"
        pid_t server = 0;   // that it is lent to
    };
    struct Service {
        ServiceConfigPtr config;
        std::uint32_t running = 0;
        std::uint64_t started = 0;
        RefusalCounts refused;
        std::optional<TimePoint> last_use;
        Condition condition = Condition::listening;
        std::string reason;
        std::vector<Socket> sockets;
        std::vector<LoadHistory::Span> load{}; // while a status page wants to know
    };
    struct Server {
        pid_t pid = 0;
        ServiceConfigPtr config; // as it was when the server was started
        SocketAddress peer;      // no family for a wait server
        TimePoint started{};
    };

    TimePoint at{};
    std::vector<Service> services; // in the order of the configuration
    std::vector<Server> servers;   // the oldest first
};

[[nodiscard]] State take_state(const Roster& roster, const Launcher& launcher, TimePoint now);
// Of one service.
[[nodiscard]] State::Service state_of(const Service& service, TimePoint now);

// A time of the steady clock by the calendar: seconds since 1970.
[[nodiscard]] double calendar_time(TimePoint time);

} // namespace inetd
