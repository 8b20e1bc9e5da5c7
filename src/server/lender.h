#pragma once

#include "event/loop.h"
#include "server/admission.h"
#include "server/launcher.h"
#include "server/service.h"

namespace inetd {

// Lends the sockets of wait services to their servers and takes them back when those end. A server
// that ends without having taken what came in is not started again at once.
class Lender {
  public:
    Lender(Launcher& launcher, Admission& admission) : launcher_(launcher), admission_(admission) {}

    // Starts the server of the endpoint's service. Call only while its gate has room.
    void lend(Endpoint& endpoint);

  private:
    void take_back(Endpoint& endpoint, const ChildEnd& end, Duration lasted);
    static void judge(Endpoint& endpoint, const ChildEnd& end, Duration lasted);

    Launcher& launcher_;
    Admission& admission_;
};

} // namespace inetd
