#pragma once

#include "event/loop.h"
#include "net/peer_socket.h"
#include "net/queue.h"
#include "server/admission.h"
#include "server/launcher.h"
#include "server/screening.h"

#include <memory>
#include <optional>

namespace inetd {

// Serves the peers of "dgram nowait" services: a child each, with a socket of its own.
class Peers {
  public:
    Peers(EventLoop& loop, Launcher& launcher, Admission& admission, Screening& screening)
        : loop_(loop), launcher_(launcher), admission_(admission), screening_(screening) {}

    // The endpoint's socket has datagrams.
    void receive(Endpoint& endpoint);

    // For a child that a binary before us has started for this peer: what is to be done at its end.
    std::function<void(const ChildEnd&, Duration lasted)>
    resume(const std::shared_ptr<Endpoint>& endpoint, PeerSocket socket,
           std::shared_ptr<void> lease);

  private:
    // What outlives a child: a peer may have sent more than the child has read.
    struct Correspondence {
        PeerSocket socket;
        std::weak_ptr<Endpoint> endpoint;
        std::shared_ptr<void> lease;
        std::optional<QueueHead> left_over;
    };
    void serve(Service& service, const std::shared_ptr<Correspondence>& correspondence);
    void ended(const std::shared_ptr<Correspondence>& correspondence);

    EventLoop& loop_;
    Launcher& launcher_;
    Admission& admission_;
    Screening& screening_;
    PeerSplitter splitter_;
};

} // namespace inetd
