#pragma once

#include "base/address.h"
#include "base/result.h"
#include "builtin/farewell.h"
#include "builtin/relay.h"
#include "builtin/session.h"
#include "builtin/tcpmux.h"
#include "config/model.h"
#include "net/peer_socket.h"
#include "net/socket.h"
#include "policy/gate.h"
#include "policy/outcasts.h"
#include "process/spawn.h"
#include "server/error_lines.h"
#include "server/hang_ups.h"
#include "server/options.h"
#include "server/reload_result.h"
#include "server/service.h"
#include "server/tether.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace inetd {

// What a daemon tells the binary that takes its place in the same process: which descriptors and
// children there are, and whose they are. Descriptors are numbers here, owned by nobody.
struct Handover {
    // A service as the daemon before knew it. The new one finds its own by `id` and `address`;
    // where it has none any more, this is what children and sessions are still called by.
    struct Service {
        std::string id;
        SocketAddress address; // of its first socket; no family behind tcpmux
        std::string name;
        std::string protocol;
        Builtin builtin = Builtin::none;
        std::chrono::milliseconds idle_timeout{};
        std::chrono::milliseconds session_timeout{};
        bool kill_on_disconnect = false;
        Gate::State gate;
        Hold hold = Hold::none;
    };
    struct Socket {
        int fd = -1;
        std::string name; // what it was handed in as
        Holder holder = Holder::nobody;
        SocketAddress bound;  // no family if the daemon before has not told
        bool was_lent = true; // a process that a server left behind may have it, too
        int borrower = -1;    // pidfd of the server that has it and is no child of ours
        std::vector<HeldDatagram> held;
    };
    // A server that runs. `listener` is the descriptor of the socket that it was lent, or, where
    // `own_socket` is there, the one that its peer's datagrams came to; -1: neither.
    struct Child {
        pid_t pid = 0;
        std::size_t service = 0;
        SocketAddress peer;
        SocketAddress local;
        TimePoint started{};
        int listener = -1;
        int own_socket = -1; // a copy of the child's, for a peer of a datagram service
        Tether::State tether{};
        int connection = -1; // another, for its traffic
        std::string user{};  // as ident said
        TimePoint kill_at{}; // it was sent SIGTERM on request; zero: it was not
    };

    std::string version;
    Invocation invocation; // of the daemon before, for the way back
    int pid_file = -1;
    int control = -1;        // the listening control socket
    TimePoint started{};     // the first daemon of this process
    unsigned generation = 0; // how many binaries there were before
    std::string reload;      // done by this: what is to be said of it; empty = there is none
    ReloadCounts reloads;
    bool stops_when_drained = false;
    Spawner::Pipe reports; // -1 from a daemon that kept it
    std::optional<std::pair<std::uint64_t, std::uint64_t>> descriptor_limit; // soft, hard
    std::vector<Service> services;
    std::vector<Socket> sockets;
    std::vector<Child> children;
    std::vector<std::pair<std::size_t, SessionState>> sessions; // with the place in `services`
    std::vector<std::pair<std::size_t, MuxState>> mux_sessions; // the same
    std::vector<std::pair<std::size_t, RelayState>> relays;     // the same
    std::vector<FarewellState> farewells;
    std::vector<std::pair<std::size_t, ErrorLinesState>> error_pipes; // as `sessions`
    HangUps::State hang_ups;
    Outcasts::State outcasts;
};

// JSON. Anything may be read: the error says what is wrong with it.
[[nodiscard]] std::string handover_text(const Handover& handover);
[[nodiscard]] Result<Handover> parse_handover(std::string_view text);

// Every descriptor that is named in it.
[[nodiscard]] std::vector<int> descriptors_of(const Handover& handover);

} // namespace inetd
