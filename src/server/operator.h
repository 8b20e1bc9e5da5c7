#pragma once

#include "config/load.h"
#include "control/server.h"
#include "event/loop.h"
#include "log/recent.h"
#include "policy/backoff.h"
#include "server/acceptor.h"
#include "server/drainer.h"
#include "server/handover.h"
#include "server/kills.h"
#include "server/launcher.h"
#include "server/overview.h"
#include "server/reload_result.h"
#include "server/roster.h"

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace inetd {

// Carries out what callers of the interface io.inetd.Control ask for.
class Operator {
  public:
    struct Hooks {
        std::function<About()> about;
        std::function<const DaemonSettings&()> settings;
        std::function<ReloadResult()> reload;
        // What these files would give; those of the daemon if there are none.
        std::function<Loaded(const std::vector<std::string>&)> load;
        std::function<void()> drained; // nobody new is served
        std::function<void()> upgrade; // refusals come by upgrade_refused()
        std::function<void()> stop;
    };
    Operator(EventLoop& loop, Roster& roster, Launcher& launcher, const Acceptor& acceptor,
             Feed& feed, log::Recent& recent, Hooks hooks);

    // Where the settings want the control socket from now on. What is in its way is logged, and
    // unless it is another daemon, tried again later.
    void listen(const DaemonSettings& settings);
    // The same with the socket of the daemon before.
    void take_over(const DaemonSettings& settings, Fd listener);
    // For the daemon after us; -1 if there is none.
    [[nodiscard]] int listener() const { return server_.listener(); }
    // What callers were promised, which goes on in a daemon after us: in its hand-over, and once
    // that one has its children.
    void hand_over(Handover& all) const;
    void take_over(const Handover& handover);
    // From now on there is nobody to ask any more.
    void close() {
        again_.reset();
        server_.close();
    }

    void upgrade_refused(const std::string& why);
    // At the end of each round of the loop: tells those who wait for something.
    void end_of_round();

  private:
    using Parameters = control::Parameters;
    using Responder = control::Responder;

    void listen_at(const control::Place& place);
    control::Dispatcher make_dispatcher();
    void status(Parameters& parameters, const Responder& responder);
    void list(Parameters& parameters, const Responder& responder);
    void metrics(Parameters& parameters, const Responder& responder);
    void show(Parameters& parameters, const Responder& responder);
    void diff(Parameters& parameters, const Responder& responder);
    void monitor(Parameters& parameters, const Responder& responder);
    void log(Parameters& parameters, const Responder& responder);
    void reload(Parameters& parameters, const Responder& responder);
    void pause(Parameters& parameters, const Responder& responder);
    void resume(Parameters& parameters, const Responder& responder);
    void disable(Parameters& parameters, const Responder& responder);
    void enable(Parameters& parameters, const Responder& responder);
    void kill(Parameters& parameters, const Responder& responder);
    void drain(Parameters& parameters, const Responder& responder);
    void upgrade(Parameters& parameters, const Responder& responder);

    [[nodiscard]] std::size_t running() const { return launcher_.running() + acceptor_.sessions(); }
    [[nodiscard]] bool is_stopping(const Responder& responder) const;
    // Those that are called so; answers the call and returns none if one of the names is nobody's.
    [[nodiscard]] std::vector<Service*> find(const std::vector<std::string>& names,
                                             const Responder& responder) const;
    [[nodiscard]] std::vector<Service*> find_named(Parameters& parameters,
                                                   const Responder& responder) const;
    void hold(Service& service, Hold hold);
    void tell_outcome(const std::vector<Service*>& services, const Responder& responder);

    EventLoop& loop_;
    Roster& roster_;
    Launcher& launcher_;
    const Acceptor& acceptor_;
    Feed& feed_;
    log::Recent& recent_;
    Hooks hooks_;
    Kills kills_;
    Drainer drainer_;
    std::vector<Responder> upgrading_; // wait for a change of the binary
    control::Server server_;
    Backoff backoff_{std::chrono::milliseconds(100), std::chrono::seconds(30)};
    Timer again_;
};

} // namespace inetd
