#pragma once

#include "base/address.h"
#include "base/fd.h"

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

namespace inetd {

// The supervisor that waits for notifications at NOTIFY_SOCKET, by the protocol of sd_notify(3).
// Not by libsystemd's function of that name: it blocks while the supervisor does not read, and with
// it would every service of the daemon.
class NotifySocket {
  public:
    NotifySocket();

    // False also where it does not name a socket.
    [[nodiscard]] bool present() const { return address_.has_value(); }
    // Writable when there is room for more; -1 while no socket could be opened.
    [[nodiscard]] int fd() const { return fd_.get(); }
    // Sends "READY=1", "STOPPING=1\nSTATUS=...", or keeps it until resend(). In order, none lost. A
    // descriptor goes along (FDSTORE=1); the caller keeps his own.
    void send(std::string state, int descriptor = -1);

    enum class Outcome : std::uint8_t {
        done,  // nothing is left
        full,  // until fd() is writable
        later, // the kernel lacks something else
    };
    // Tries again what could not be sent.
    Outcome resend();

  private:
    struct Message {
        std::string state;
        Fd descriptor;
    };
    bool open();
    bool send_now(const std::string& state, int descriptor);

    std::optional<SocketAddress> address_;
    Fd fd_;
    std::deque<Message> pending_;
};

// For the supervisor's store of descriptors (sd_notify(3)). Names are of printable ASCII, without
// ':', at most 255 long. `polled`: the supervisor may drop the descriptor by itself when poll(2)
// finds an error on it.
[[nodiscard]] std::string store_state(const std::string& name, bool polled);
[[nodiscard]] std::string unstore_state(const std::string& name);

// "RELOADING=1" with the time that Type=notify-reload of systemd 253 asks for.
[[nodiscard]] std::string reloading_state();

// How often the supervisor wants to hear WATCHDOG=1, or else it ends us (WATCHDOG_USEC,
// sd_watchdog_enabled(3)); zero: not at all.
[[nodiscard]] std::chrono::microseconds watchdog_interval();

} // namespace inetd
