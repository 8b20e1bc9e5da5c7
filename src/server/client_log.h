#pragma once

#include "builtin/ident_client.h"
#include "builtin/session_end.h"
#include "config/model.h"
#include "event/loop.h"
#include "net/traffic.h"
#include "process/children.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <utility>

namespace inetd {

// What the log says of clients: that they came, how that ended, that they were refused. A service's
// log_on_success and log_on_failure say in which words; without them, log_connections says whether
// there is more than the ends of servers and refusals.
class ClientLog {
  public:
    ClientLog(EventLoop& loop, AskParser ask) : ident_(loop, std::move(ask)) {}
    void set_log_connections(bool wanted) { log_connections_ = wanted; }

    // Where what ident says of the user will stand, who knows when; null: nobody is asked.
    using User = std::shared_ptr<std::string>;
    User server_started(const ServiceConfigPtr& config, const SocketAddress& peer,
                        const SocketAddress& local, pid_t pid);
    struct ServerEnd {
        const ServiceConfig& config;
        const SocketAddress& peer;
        const ChildEnd& end;
        Duration lasted;
        std::optional<Traffic> traffic;
        const User& user;
    };
    static void server_ended(const ServerEnd& what);

    // `connection`: the client's; here and below, for what is asked about it.
    void session_started(const ServiceConfigPtr& config, const SocketAddress& peer, int connection);
    void session_ended(const SessionEnd& end) const;

    struct Refused {
        const ServiceConfigPtr& config;
        const SocketAddress& peer;
        std::string host; // the peer as the message says it
        std::string_view why;
        std::string_view key; // of inetd.cfg(5)
        int connection = -1;  // none
    };
    void refused(const Refused& what);
    // Whether anything is to be said of a client that the service refuses.
    [[nodiscard]] static bool notes_refusals(const ServiceConfig& config) {
        return !config.terms->log_on_failure || !config.terms->log_on_failure->empty();
    }
    // "192.0.2.1", "unnamed": the peer without its port, and without what would spoil a line.
    [[nodiscard]] static std::string host_text(const SocketAddress& peer);
    // "192.0.2.1", or "a client" where the host is not to be told.
    [[nodiscard]] static std::string name_of_refused(const ServiceConfig& config,
                                                     const std::string& host);

    // Whether the counters of a client's connection are asked for at its end.
    [[nodiscard]] static bool wants_traffic(const ServiceConfig& config) {
        return config.terms->log_on_success && config.terms->log_on_success->has(LogWord::traffic);
    }

  private:
    IdentClient ident_;
    bool log_connections_ = false;
};

} // namespace inetd
