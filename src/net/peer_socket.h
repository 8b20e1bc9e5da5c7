#pragma once

#include "base/address.h"
#include "base/fd.h"
#include "base/result.h"
#include "config/model.h"
#include "net/inject.h"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace inetd {

// A datagram socket of its own for one peer of a "dgram nowait" service: bound to the address that
// the peer wrote to, connected to the peer, blocking, its datagrams waiting to be read.
struct PeerSocket {
    Fd fd;
    SocketAddress peer;
    SocketAddress local;
    // To be held while somebody serves the peer: what the peer had sent earlier and what is only
    // now found in the listener's queue goes to the same socket.
    std::shared_ptr<void> presence;
};

// A datagram that has left the kernel and cannot be served yet.
struct HeldDatagram {
    SocketAddress peer;
    SocketAddress local; // where it was sent to
    std::string payload;
};

// Splits the queue of a datagram listener into sockets of one peer each. The listener stays where
// it is. Nothing is read before it is known who will get it, so what must wait stays in the kernel;
// what could not stay there is held by the caller until the next split().
class PeerSplitter {
  public:
    enum class Verdict {
        serve, // a socket for this peer, please
        drop,  // read and throw away
        leave, // stop here: the datagram waits
    };
    using Decide = std::function<Verdict(const SocketAddress& peer)>;

    struct Batch {
        std::vector<PeerSocket> peers; // one for each `serve`, in that order; fd empty if it failed
        std::vector<std::string> errors;
        bool exhausted = false; // no descriptor or memory for another socket
    };

    // The listener must share its port (share_port) and tell which address its datagrams were sent
    // to (IP_PKTINFO, IPV6_RECVPKTINFO). `decide` is asked once for each peer of the batch; `held`
    // is what the split before has left there, and is served first.
    Batch split(int listener, const ListenSpec& spec, const SocketOptions& options,
                const Decide& decide, std::vector<HeldDatagram>& held);

    // PeerSocket::presence of a socket that was split off by another process.
    std::shared_ptr<void> note_presence(const SocketAddress& peer, const SocketAddress& local);

  private:
    using Key = std::pair<SocketAddress, SocketAddress>; // peer, local
    using Living = std::map<Key, int>;                   // how often present
    struct Pending {
        PeerSocket socket;
        std::vector<std::string> payloads; // from the listener
        std::vector<std::string> direct;   // sent later, straight to the new socket
        bool done = false;                 // all of these are back in the socket's queue
    };
    struct Head; // the next datagram of a queue
    enum class Step { go_on, stop };
    bool pass_on(int listener, const Head& head);
    struct Work; // what split() was called with, and what it has come to
    Step take_next(Work& work);
    bool open_for(Work& work, const SocketAddress& peer, const SocketAddress& local);
    void take_strays(Work& work, std::size_t of);
    void place(Work& work, HeldDatagram datagram);
    void close_to_others(Work& work, std::size_t index);
    bool inject(Work& work, const PeerSocket& socket, const std::string& payload);
    void put_back(Work& work, Pending& item);

    DatagramInjector injector_;
    std::shared_ptr<Living> living_ = std::make_shared<Living>();
    std::vector<char> buffer_;
};

} // namespace inetd
