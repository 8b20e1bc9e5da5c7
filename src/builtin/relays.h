#pragma once

#include "base/address.h"
#include "base/fd.h"
#include "builtin/idle_list.h"
#include "builtin/pipe_pool.h"
#include "builtin/relay.h"
#include "builtin/session_end.h"
#include "config/model.h"
#include "event/loop.h"

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <vector>

namespace inetd {

// Every connection of `internal redirect` services: connects to the service's target, trying its
// addresses in turn, and passes on what each side sends, and its end, to the other.
class Relays {
  public:
    static constexpr std::size_t kMostPipes = 16384; // a GiB of the kernel's memory at most

    struct Options {
        Duration connect_timeout = std::chrono::seconds(10); // for each address
        std::size_t most_pipes = kMostPipes;
    };
    struct Handlers {
        // An address of the target could not be connected to; the next one is tried, if any.
        std::function<void(const ServiceConfig&, const SocketAddress& target, int code)>
            unreachable;
        // The relay is gone, its descriptors closed and its lease dropped. May call anything here.
        // Bytes count as in and out when they have been passed on.
        std::function<void(const SessionEnd&)> ended;
    };

    Relays(EventLoop& loop, Options options, Handlers handlers);
    ~Relays();

    // `client` is connected, non-blocking and close-on-exec; service->terms->relay is there. A
    // relay on which nothing moves for the service's idle_timeout is closed. May call handlers
    // before it returns.
    void start(ServiceConfigPtr service, Fd client, const SocketAddress& peer,
               std::shared_ptr<void> lease);

    // Every relay, and how one of them goes on in another process: the descriptors are taken,
    // whatever comes of it. One that is not connected yet begins its attempts anew, if its service
    // still has a target.
    [[nodiscard]] std::vector<RelayState> states() const;
    void resume(const RelayState& state, std::shared_ptr<void> lease);

    void each(const std::function<void(const SessionBytes&)>& look) const;
    [[nodiscard]] std::size_t count() const;
    [[nodiscard]] const PipePool& pipes() const { return pipes_; }
    // Closes all that are there now.
    void stop_all();

  private:
    using List = IdleList<Relay>;
    using Handle = List::Handle;

    List& list_of(const ServiceConfig& service);
    void begin(Handle relay);
    void limit(Handle relay);
    void connect_next(Handle relay);
    void watch_target(Handle relay, std::uint32_t events);
    bool connect_now(Handle relay, const SocketAddress& address);
    void on_connected(Handle relay);
    void failed(Handle relay, int code);
    void turn(Handle relay, Relay::Side& side, std::uint32_t events);
    void go_on(Handle relay);
    void wait_for_pipe(Handle relay);
    void retry_starved();
    void end(Handle relay, SessionEnd::Reason reason, int error_code);

    EventLoop& loop_;
    Options options_;
    std::shared_ptr<const Handlers> handlers_; // shared with calls of them that outlive this object
    PipePool pipes_;
    std::deque<Handle> starved_;
    Timer starved_timer_;
    std::map<const Relay*, Timer> deadlines_; // of those that have a session_timeout
    std::map<Duration, List> lists_;          // by time-out, which few services have of their own
};

} // namespace inetd
