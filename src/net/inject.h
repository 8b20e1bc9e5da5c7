#pragma once

#include "base/address.h"
#include "base/fd.h"

#include <string_view>
#include <utility>

namespace inetd {

// Puts datagrams that were read from one UDP socket back into the queue of another.
class DatagramInjector {
  public:
    // Opens what inject() will need. False: no descriptor or memory for it; then read nothing that
    // would have to be put back.
    bool prepare(int family);

    // Makes `payload` the next datagram in the queue of `socket`, which is bound to `local` and
    // connected to `peer`, as if it had just come from there. That takes a raw socket
    // (CAP_NET_RAW). Without one the datagram arrives all the same, but recvfrom(2) shows an
    // address of ours as its sender; read(2), recv(2) and getpeername(2) are right in both cases.
    // False if it could not be delivered at all.
    bool inject(int socket, int protocol, const SocketAddress& peer, const SocketAddress& local,
                std::string_view payload);

    // The same for a socket that somebody may be reading from already, and only if the sender's
    // address can be kept. False if it cannot; then nothing was done.
    bool inject_exactly(const SocketAddress& peer, const SocketAddress& local,
                        std::string_view payload);

    // Whether senders' addresses are kept: false once a raw socket was refused or its packets lost.
    [[nodiscard]] bool exact() const { return raw_works_; }
    // Whether inject() has taken a filter off a socket since the last time that it was asked.
    [[nodiscard]] bool take_detached() { return std::exchange(detached_, false); }

  private:
    bool inject_plain(int target, int protocol, const SocketAddress& peer,
                      const SocketAddress& local, std::string_view payload);
    bool send_raw(const SocketAddress& peer, const SocketAddress& local, std::string_view payload);
    bool inject_raw(int socket, const SocketAddress& peer, const SocketAddress& local,
                    std::string_view payload);
    Fd raw_v4_;
    Fd raw_v6_;
    Fd spare_; // a descriptor kept for the way without a raw socket
    bool detached_ = false;
    bool raw_works_ = true;
    bool raw_proved_ = false; // a packet was seen to arrive
};

} // namespace inetd
