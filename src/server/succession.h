#pragma once

#include "server/acceptor.h"
#include "server/handover.h"
#include "server/inheritance.h"
#include "server/launcher.h"
#include "server/roster.h"
#include "server/socket_keeper.h"

namespace inetd {

// The two ends of a change of binary: the daemon before says what there is, the one after makes it
// its own. Pauses and back-offs are not handed over, and begin anew.

// All but `pid_file` and `descriptor_limit`. Nothing changes by it.
[[nodiscard]] Handover hand_over(const Roster& roster, const Launcher& launcher,
                                 const Acceptor& acceptor, const SocketKeeper& keeper);

// Owns the listening sockets of the hand-over from here on, for Server::create().
[[nodiscard]] Inheritance inherit_from(const Handover& handover);

// The rest, once the roster has its services: counts, children, sessions.
void take_over(const Handover& handover, Roster& roster, Launcher& launcher, Acceptor& acceptor);

} // namespace inetd
