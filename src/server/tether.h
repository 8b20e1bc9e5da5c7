#pragma once

#include "event/loop.h"
#include "server/hang_ups.h"
#include "server/service.h"

#include <memory>
#include <string>
#include <sys/types.h>

namespace inetd {

// Ends a server that goes on for longer than session_timeout or, with kill_on_disconnect, after its
// client has gone: SIGTERM, and SIGKILL 5 s later. Dies with its child's entry in the table.
class Tether {
  public:
    struct Server {
        pid_t pid;
        ServiceConfigPtr config;
        SocketAddress peer;
        TimePoint started;
    };
    // One that goes on in another binary.
    struct State {
        HangUps::Token hang_up = 0;
        bool ending = false; // SIGTERM was sent
    };

    // Both are null if the service asks for none of this. `connection` is a copy of the child's
    // own, which may be closed afterwards.
    static std::unique_ptr<Tether> tie(EventLoop& loop, HangUps& hang_ups, Server server,
                                       int connection);
    static std::unique_ptr<Tether> resume(EventLoop& loop, HangUps& hang_ups, Server server,
                                          const State& state);
    Tether(const Tether&) = delete;
    Tether& operator=(const Tether&) = delete;
    ~Tether() { hang_ups_.forget(hang_up_); }

    [[nodiscard]] State state() const { return {.hang_up = hang_up_, .ending = ending_}; }

  private:
    Tether(EventLoop& loop, HangUps& hang_ups, Server server)
        : loop_(loop), hang_ups_(hang_ups), server_(std::move(server)) {}
    void limit();
    void watch(int connection);
    void end_with(HangUps::Token hang_up);
    void end(const std::string& why);
    void kill_later();

    EventLoop& loop_;
    HangUps& hang_ups_;
    Server server_;
    HangUps::Token hang_up_ = 0;
    bool ending_ = false;
    Timer timer_;
};

} // namespace inetd
