#pragma once

#include "base/address.h"
#include "base/fd.h"

#include <string_view>

namespace inetd {

// Puts datagrams that were read from one UDP socket back into the queue of another.
class DatagramInjector {
  public:
    // Makes `payload` the next datagram in the queue of `socket`, which is bound to `local` and
    // connected to `peer`, as if it had just come from there. That takes a raw socket
    // (CAP_NET_RAW). Without one the datagram arrives all the same, but recvfrom(2) shows an
    // address of ours as its sender; read(2), recv(2) and getpeername(2) are right in both cases.
    // False if it could not be delivered at all.
    bool inject(int socket, int protocol, const SocketAddress& peer, const SocketAddress& local,
                std::string_view payload);

    // Whether senders' addresses are kept: false once a raw socket was refused or its packets lost.
    [[nodiscard]] bool exact() const { return raw_works_; }

  private:
    bool inject_raw(int socket, const SocketAddress& peer, const SocketAddress& local,
                    std::string_view payload);
    Fd raw_v4_;
    Fd raw_v6_;
    bool raw_works_ = true;
};

} // namespace inetd
