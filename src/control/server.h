#pragma once

#include "control/dispatcher.h"
#include "control/place.h"

#include <cstddef>
#include <memory>
#include <sys/types.h>
#include <unistd.h>
#include <unordered_set>

namespace inetd::control {

// The control socket and who is connected to it. Costs one descriptor while nobody is.
class Server {
  public:
    Server(EventLoop& loop, Dispatcher dispatcher, Patience patience = {});
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    // Removes the socket's file.
    ~Server();

    // Listens at the place and nowhere else from now on; where that has not changed, nothing
    // happens but that mode and group are set. Who is connected stays. On an error nobody is
    // listened to.
    Result<void> listen(const Place& place);
    // The same with a socket that a daemon before us has listened on.
    Result<void> take_over(const Place& place, Fd listener);
    // -1 if there is none.
    [[nodiscard]] int listener() const { return listening_.fd.get(); }
    [[nodiscard]] const Place& place() const { return place_; }
    void close();

    // Serves one that is connected already.
    void adopt(Fd fd);
    [[nodiscard]] std::size_t connections() const { return connections_.size(); }
    [[nodiscard]] const Dispatcher& dispatcher() const { return dispatcher_; }

    // Connections at once. The last of them are for those who may change something, so that others
    // cannot keep them out.
    static constexpr std::size_t kMost = 16;
    static constexpr std::size_t kReserved = 4;

  private:
    Result<void> watch();
    void on_ready();

    EventLoop& loop_;
    Dispatcher dispatcher_;
    Patience patience_;
    Pace pace_;
    uid_t owner_ = geteuid();
    Place place_;
    Listening listening_;
    Watch watch_;
    Timer pause_; // while there is no descriptor for one more
    std::unordered_set<std::shared_ptr<Connection>> connections_;
};

} // namespace inetd::control
