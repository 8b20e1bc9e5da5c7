#pragma once

#include "event/loop.h"
#include "server/admission.h"
#include "server/client_log.h"
#include "server/screening.h"
#include "server/service.h"

#include <functional>

namespace inetd {

// Datagrams of services without instances for a client: answers those of built-in ones, and looks
// at those of wait services before their servers do.
class Senders {
  public:
    Senders(EventLoop& loop, Admission& admission, Screening& screening, ClientLog& client_log)
        : loop_(loop), admission_(admission), screening_(screening), client_log_(client_log) {}

    // The endpoint, of a built-in service, has datagrams.
    void answer(Endpoint& endpoint);

    // The endpoint, of a wait service, has some: whether the first is of a sender who is admitted,
    // so that the service's server may be started. Those before it are taken away. One call takes a
    // bounded number of them; then, and where none is left, it says no, and epoll comes back.
    [[nodiscard]] bool await_server(Endpoint& endpoint);

  private:
    using Admits = std::function<bool(const SocketAddress& sender)>;
    // Empty if everybody is.
    Admits rule_of(Service& service);
    // How many came.
    unsigned answer_batch(Endpoint& endpoint);

    EventLoop& loop_;
    Admission& admission_;
    Screening& screening_;
    ClientLog& client_log_;
};

} // namespace inetd
