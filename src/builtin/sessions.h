#pragma once

#include "base/address.h"
#include "base/fd.h"
#include "builtin/farewell.h"
#include "builtin/idle_list.h"
#include "builtin/session.h"
#include "builtin/session_end.h"
#include "config/model.h"
#include "event/loop.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

namespace inetd {

// Every stream session of echo, discard, chargen, daytime and time, on TCP and on unix stream and
// seqpacket sockets, without a process or a thread each. All share one read buffer; while a peer
// does not take its echo, nothing more is read from it, so it can cost one buffer at most.
class Sessions {
  public:
    static constexpr std::size_t kScratch = std::size_t{256} * 1024;

    // A peer that neither sends nor takes a byte for its service's idle_timeout is closed, and each
    // at its session_timeout.
    explicit Sessions(EventLoop& loop);
    ~Sessions();

    // `fd` is connected and close-on-exec; blocking or not is all the same. `lease` is dropped when
    // the connection has been closed, which for daytime and time may be a few seconds after their
    // end was reported (see Farewells). May call on_end before it returns.
    void start(ServiceConfigPtr service, Fd fd, const SocketAddress& peer,
               std::shared_ptr<void> lease);

    // Every session, and how one of them goes on in another process: state.fd is taken, whatever
    // comes of it. Farewells are apart.
    [[nodiscard]] std::vector<SessionState> states() const;
    void resume(const SessionState& state, std::shared_ptr<void> lease);
    [[nodiscard]] Farewells& farewells() { return farewells_; }
    [[nodiscard]] const Farewells& farewells() const { return farewells_; }

    // The handler may call anything here, and may destroy this object. The session is gone and its
    // descriptor closed when it is called (but for daytime and time).
    void on_end(std::function<void(const SessionEnd&)> handler);

    // For each but those of daytime and time, whose end was reported.
    void each(const std::function<void(const SessionBytes&)>& look) const;
    // Connections that are open.
    [[nodiscard]] std::size_t count() const;
    // Memory, in bytes, that sessions hold for peers that do not read.
    [[nodiscard]] std::size_t buffered() const { return buffered_; }
    // Closes all that are there now.
    void stop_all();

  private:
    using List = IdleList<Session>;
    using Handle = List::Handle;
    using EndHandler = std::function<void(const SessionEnd&)>;

    List& list_of(const ServiceConfig& service);
    void answer(ServiceConfigPtr service, Fd fd, const SocketAddress& peer,
                std::shared_ptr<void> lease);
    void watch(Handle session);
    void limit(Handle session);
    void turn(Handle session, std::uint32_t events);
    void end(Handle session, SessionEnd::Reason reason, int error_code);

    EventLoop& loop_;
    std::unique_ptr<char[]> bytes_;
    Session::Scratch scratch_;
    std::size_t buffered_ = 0;
    std::shared_ptr<EndHandler> on_end_; // shared with calls of it that outlive this object
    Farewells farewells_;
    std::map<const Session*, Timer> deadlines_; // of those that have a session_timeout
    std::map<Duration, List> lists_;            // by time-out, which few services have of their own
};

} // namespace inetd
