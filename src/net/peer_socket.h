#pragma once

#include "base/address.h"
#include "base/fd.h"
#include "base/result.h"
#include "config/model.h"
#include "net/inject.h"

#include <functional>
#include <string>
#include <vector>

namespace inetd {

// A datagram socket of its own for one peer of a "dgram nowait" service: bound to the address that
// the peer wrote to, connected to the peer, blocking, its datagrams waiting to be read.
struct PeerSocket {
    Fd fd;
    SocketAddress peer;
    SocketAddress local;
};

// Splits the queue of a datagram listener into sockets of one peer each. The listener stays where
// it is. Nothing is read before it is known who will get it, so what must wait stays in the kernel.
class PeerSplitter {
  public:
    enum class Verdict {
        serve, // a socket for this peer, please
        drop,  // read and throw away
        leave, // stop here: the datagram stays in the listener's queue
    };
    // `must_decide`: the datagram has left the kernel, so `leave` is no answer.
    using Decide = std::function<Verdict(const SocketAddress& peer, bool must_decide)>;

    struct Batch {
        std::vector<PeerSocket> peers; // one for each `serve`, in that order; fd empty if it failed
        std::vector<std::string> errors;
        bool exhausted = false; // no descriptor or memory for another socket
    };

    // The listener must share its port (share_port) and tell which address its datagrams were sent
    // to (IP_PKTINFO, IPV6_RECVPKTINFO). `decide` is asked once for each peer of the batch.
    Batch split(int listener, const ListenSpec& spec, const SocketOptions& options,
                const Decide& decide);

  private:
    struct Pending {
        PeerSocket socket;
        std::vector<std::string> payloads;
    };
    struct Head; // the next datagram of a queue
    enum class Step { go_on, stop };

    Step take_next(int listener, const ListenSpec& spec, const SocketOptions& options,
                   const Decide& decide, std::vector<Pending>& pending, Batch& batch);
    void keep_stray(const SocketAddress& peer, std::string payload, const ListenSpec& spec,
                    const SocketOptions& options, const Decide& decide, const SocketAddress& local,
                    std::vector<Pending>& pending, Batch& batch);
    void take_strays(std::size_t of, const ListenSpec& spec, const SocketOptions& options,
                     const Decide& decide, std::vector<Pending>& pending, Batch& batch);

    DatagramInjector injector_;
    std::vector<char> buffer_;
};

} // namespace inetd
