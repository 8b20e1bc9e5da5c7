#pragma once

#include "base/result.h"
#include "config/load.h"
#include "server/privilege_needs.h"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace inetd {

// What a person may want to know of the rights that the daemon has now.
struct PrivilegeState {
    struct Capability {
        std::string name;
        std::string reason; // empty: it is not needed, and not given up either
    };
    uid_t uid = 0;
    std::vector<Capability> capabilities; // that it can make use of
    bool no_new_privileges = false;
    bool filtered = false; // its system calls
};

// Keeps the daemon's rights down to what its configuration needs.
//
// What root gives up in between comes back by executing the daemon anew, so what a reload needs and
// is not there any more is no reason to refuse it. Where that would not bring it back, it is not
// given up, but only not in effect. A daemon that becomes another user (`user` of inetd.cfg) gives
// up everything for good.
class Privileges {
  public:
    struct Sources {
        std::function<std::size_t()> servers; // how many run
        std::function<bool()> changes;        // whether the daemon may soon execute a binary
    };
    // `load` says which files there are.
    Privileges(const LoadOptions& load, Sources sources)
        : load_(load), sources_(std::move(sources)) {}

    // Before a configuration takes the place of another one: all that is left is in effect.
    struct Verdict {
        CapabilitySet missing{};              // that executing the daemon anew brings back
        std::optional<std::string> problem{}; // why there is no way to it but a restart
    };
    [[nodiscard]] Verdict prepare(const Loaded& loaded);

    // After it, and after the start. On an error something may be given up already.
    Result<void> limit(const DaemonSettings& settings,
                       const std::vector<ServiceConfigPtr>& services);

    // Whether it is for good, so that no program can be executed any more.
    [[nodiscard]] bool sealed() const { return sealed_.has_value(); }
    [[nodiscard]] PrivilegeState state() const;

  private:
    [[nodiscard]] std::vector<Need> needs(const DaemonSettings& settings,
                                          const std::vector<ServiceConfigPtr>& services) const;
    Result<void> seal(const Account& account, CapabilitySet needed);

    const LoadOptions& load_;
    Sources sources_;
    std::vector<Need> needs_;
    CapabilitySet given_up_; // for good
    std::optional<uid_t> sealed_;
};

// "cap_kill cap_setuid"
[[nodiscard]] std::string capabilities_line(CapabilitySet set);

} // namespace inetd
