#pragma once

#include "server/acceptor.h"
#include "server/handover.h"
#include "server/inheritance.h"
#include "server/launcher.h"
#include "server/roster.h"
#include "server/socket_keeper.h"

namespace inetd {

// The two ends of a change of binary: the daemon before says what there is, the one after makes it
// its own. Back-offs are not handed over, and begin anew.

// All that belongs to services. Nothing changes by it.
[[nodiscard]] Handover hand_over(const Roster& roster, const Launcher& launcher,
                                 const Acceptor& acceptor, const SocketKeeper& keeper);

// What its services were held at, for those that there still are.
[[nodiscard]] std::function<Hold(const ServiceConfig&)> holds_of(const Handover& handover);

// Owns the listening sockets of the hand-over from here on, for Server::create().
[[nodiscard]] Inheritance inherit_from(const Handover& handover);

// The rest, once the roster has its services: counts, children, sessions.
void take_over(const Handover& handover, Roster& roster, Launcher& launcher, Acceptor& acceptor);

} // namespace inetd
