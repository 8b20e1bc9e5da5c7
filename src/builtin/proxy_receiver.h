#pragma once

#include "base/address.h"
#include "base/fd.h"
#include "builtin/idle_list.h"
#include "builtin/parser.h"
#include "event/loop.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace inetd {

// Connections of balancers whose PROXY header is not complete yet. Reads exactly the header, so
// that the service finds on its socket all that follows.
class ProxyReceiver {
  public:
    enum class Fault : std::uint8_t { bad_header, timed_out };
    struct Arrival {
        Fd fd;
        SocketAddress balancer;
        SocketAddress peer;  // the client; the balancer where that speaks for itself
        SocketAddress local; // where the client connected to; no family if nobody said
        std::shared_ptr<void> lease;
        // Both as given to start(); they may call anything.
        std::function<void(Arrival)> arrived;
        std::function<void(const SocketAddress& balancer, Fault)> failed;
    };

    ProxyReceiver(EventLoop& loop, AskParser ask, Duration timeout = std::chrono::seconds(5));
    ~ProxyReceiver();

    // `arrival.fd` is connected and close-on-exec, blocking or not. One of these is called, before
    // this returns or later: `arrived` with the arrival, completed, or `failed` when the connection
    // has been closed; neither where it ends before its header, for that is how a balancer looks
    // whether somebody listens, or where the parser has failed.
    void start(Arrival arrival);

    [[nodiscard]] std::size_t count() const;
    // Closes all that are there now.
    void stop_all();

  private:
    struct Guest;
    using Handle = IdleList<Guest>::Handle;

    void wait(Handle guest);
    void read(Handle guest);
    void take(Handle guest, const ParserReply& reply);
    void pass_on(Handle guest, const ProxyHeader& header);
    void fail(Handle guest, Fault fault);

    EventLoop& loop_;
    AskParser ask_;
    IdleList<Guest> guests_;
};

} // namespace inetd
