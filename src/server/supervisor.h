#pragma once

#include "event/loop.h"
#include "systemd/notify.h"

#include <functional>
#include <string>

namespace inetd {

// What the daemon tells its supervisor: when it is ready, what it is doing, that it is alive. Costs
// nothing where there is no supervisor.
class Supervisor {
  public:
    // `status` makes the sentence that `systemctl status` shows.
    Supervisor(EventLoop& loop, std::function<std::string()> status);

    void ready();
    void reloading();
    // After reloading(), whether or not it went well. `status` in place of the usual sentence, if
    // not empty, until something changes.
    void reloaded(const std::string& status);
    void stopping();
    // While stopping: we need this much longer, and then perhaps more.
    void extend(Duration time);
    // The sentence may have changed. Told at most once a second.
    void touch();

    // Whether there is somebody who might keep descriptors for the daemon after us.
    [[nodiscard]] bool present() const { return socket_.present(); }
    // Has a copy of the descriptor kept; `polled` as store_state() says.
    void store(const std::string& name, int fd, bool polled);
    void unstore(const std::string& name);

  private:
    void tell(std::string state, int fd = -1);
    void tell_again();
    void await_room();
    void tell_status();
    void feed_watchdog();

    EventLoop& loop_;
    std::function<std::string()> status_;
    NotifySocket socket_;
    std::string told_;
    Watch room_watch_;
    Timer again_timer_;
    Timer status_timer_;
    Timer watchdog_timer_;
    Duration watchdog_{};
};

} // namespace inetd
