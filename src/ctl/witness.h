#pragma once

#include "control/client.h"
#include "ctl/context.h"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace inetd::ctl {

// Learns from the daemon what became of a client that we were ourselves.
class Witness {
  public:
    // Watches the service from now on. If too many watch already it sees nothing.
    Witness(const Context& context, std::string service);

    struct Account {
        std::optional<int> pid;             // of the server
        std::optional<std::string> ended;   // how: "exit 1"
        std::optional<std::string> refused; // by which key of inetd.cfg(5)
        std::vector<std::string> messages;  // of the log, warnings and errors
    };
    // `own`: our address as the daemon calls it, or the end of that. `ends`: waits a moment for the
    // end of the server.
    [[nodiscard]] Account account(const std::string& own, bool ends);

  private:
    static void take(const Json& event, const std::string& own, Account& account);
    void read_log(Account& account) const;

    const Context& context_;
    std::string service_;
    std::optional<control::Client> client_;
    double since_;
};

} // namespace inetd::ctl
