#pragma once

#include "base/address.h"
#include "base/fd.h"
#include "builtin/idle_list.h"
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
    struct Arrival {
        Fd fd;
        SocketAddress balancer;
        SocketAddress peer;  // the client; the balancer where that speaks for itself
        SocketAddress local; // where the client connected to; no family if nobody said
        std::shared_ptr<void> lease;
        std::function<void(Arrival)> arrived; // as given to start(); may call anything
    };
    enum class Fault : std::uint8_t { bad_header, timed_out };
    // The connection is closed when this is called. One that ends before its header is no fault:
    // that is how a balancer looks whether somebody listens.
    using OnFault = std::function<void(const SocketAddress& balancer, Fault fault)>;

    ProxyReceiver(EventLoop& loop, OnFault on_fault, Duration timeout = std::chrono::seconds(5));
    ~ProxyReceiver();

    // `arrival.fd` is connected and close-on-exec, blocking or not; `arrived` gets the arrival,
    // completed, unless the connection ends or fails before. May call either before it returns.
    void start(Arrival arrival);

    [[nodiscard]] std::size_t count() const;
    // Closes all that are there now.
    void stop_all();

  private:
    struct Guest;
    using Handle = IdleList<Guest>::Handle;

    void read(Handle guest);
    void fail(Handle guest, Fault fault);

    EventLoop& loop_;
    OnFault on_fault_;
    IdleList<Guest> guests_;
};

} // namespace inetd
