#pragma once

#include "event/loop.h"
#include "server/launcher.h"
#include "server/service.h"

#include <functional>

namespace inetd {

// Lends the sockets of wait services to their servers and takes them back when those end. A server
// that ends without having taken what came in is not started again at once.
class Lender {
  public:
    // `arm` is called when a socket is to be listened on again (as soon as its not_before allows).
    Lender(EventLoop& loop, Launcher& launcher, std::function<void(Endpoint&)> arm);

    // Starts the server of the endpoint's service. Call only while its gate has room.
    void lend(Endpoint& endpoint);

  private:
    void take_back(Endpoint& endpoint, const ChildEnd& end, Duration lasted);
    static void judge(Endpoint& endpoint, const ChildEnd& end, Duration lasted);

    EventLoop& loop_;
    Launcher& launcher_;
    std::function<void(Endpoint&)> arm_;
};

} // namespace inetd
