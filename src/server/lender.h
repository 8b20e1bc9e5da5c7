#pragma once

#include "event/loop.h"
#include "server/admission.h"
#include "server/launcher.h"
#include "server/service.h"
#include "server/socket_keeper.h"

namespace inetd {

// Lends the sockets of wait services to their servers and takes them back when those end. A server
// that ends without having taken what came in is not started again at once.
//
// A server may outlive the daemon, and two must not have one socket. So the next daemon is told who
// has which: the supervisor keeps a pidfd of each server that runs for longer than a moment.
class Lender {
  public:
    Lender(EventLoop& loop, Launcher& launcher, Admission& admission, SocketKeeper& keeper)
        : loop_(loop), launcher_(launcher), admission_(admission), keeper_(keeper) {}

    // Starts the server of the endpoint's service. Call only while its gate has room.
    void lend(Endpoint& endpoint);
    // For an endpoint whose server, a child of ours, was started by a binary before us: what is to
    // be done at its end.
    std::function<void(const ChildEnd&, Duration lasted)> resume(Endpoint& endpoint, pid_t pid);
    // The endpoint's socket has just been opened or taken over: a server of a daemon before us may
    // have it.
    void find_borrower(Endpoint& endpoint);
    // The daemon leaves, or the endpoint does.
    void note(Endpoint& endpoint);
    void forget(Endpoint& endpoint);

  private:
    std::function<void(const ChildEnd&, Duration lasted)> when_ended(Endpoint& endpoint);
    void watch_for_others(Endpoint& endpoint);
    void watch_borrower(Endpoint& endpoint);
    // False if the socket had to be opened anew; else it still blocks.
    bool give_back(Endpoint& endpoint);
    void listen_again(Endpoint& endpoint);
    void take_back(Endpoint& endpoint, const ChildEnd& end, Duration lasted);
    // Whether somebody waits who may be served at once.
    static bool judge(Endpoint& endpoint, const ChildEnd& end, Duration lasted);

    EventLoop& loop_;
    Launcher& launcher_;
    Admission& admission_;
    SocketKeeper& keeper_;
};

} // namespace inetd
