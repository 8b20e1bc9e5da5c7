#pragma once

#include "control/server.h"
#include "event/loop.h"
#include "server/acceptor.h"
#include "server/kills.h"
#include "server/launcher.h"
#include "server/reload_result.h"
#include "server/roster.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace inetd {

// What is to be said of the daemon as a whole.
struct About {
    TimePoint started{};
    unsigned generation = 0; // changes of the binary before this one
    bool stopping = false;
    std::vector<std::string> files; // of the configuration
    std::string settings;           // inetd.cfg; empty = none
    struct Reload {
        TimePoint at{};
        bool applied = false;
        std::string text;
    };
    std::optional<Reload> last_reload;
};

// Carries out what callers of the interface io.inetd.Control ask for.
class Operator {
  public:
    struct Hooks {
        std::function<About()> about;
        std::function<ReloadResult()> reload;
        std::function<const DaemonSettings&()> settings;
    };
    Operator(EventLoop& loop, Roster& roster, Launcher& launcher, const Acceptor& acceptor,
             Hooks hooks);

    // Where the settings want the control socket from now on. What is in its way is logged.
    void listen(const DaemonSettings& settings);
    // From now on there is nobody to ask any more.
    void close() { server_.close(); }

  private:
    using Parameters = control::Parameters;
    using Responder = control::Responder;

    control::Dispatcher make_dispatcher();
    void status(Parameters& parameters, const Responder& responder) const;
    void list(Parameters& parameters, const Responder& responder) const;
    void show(Parameters& parameters, const Responder& responder) const;
    void reload(Parameters& parameters, const Responder& responder) const;
    void pause(Parameters& parameters, const Responder& responder);
    void resume(Parameters& parameters, const Responder& responder);
    void kill(Parameters& parameters, const Responder& responder);

    // Those that are called so; answers the call and returns none if one of the names is nobody's.
    [[nodiscard]] std::vector<Service*> find(const std::vector<std::string>& names,
                                             const Responder& responder) const;
    void hold(const std::vector<Service*>& services, Hold hold, const Responder& responder);
    [[nodiscard]] control::Json details(const Service& service) const;
    [[nodiscard]] control::Json instances(const ServiceConfig& config) const;

    EventLoop& loop_;
    Roster& roster_;
    Launcher& launcher_;
    const Acceptor& acceptor_;
    Hooks hooks_;
    Kills kills_;
    control::Server server_;
};

} // namespace inetd
