#include "server/privileges.h"

#include "log/log.h"
#include "process/call_filter.h"
#include "process/privilege.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <fmt/core.h>
#include <fstream>
#include <linux/capability.h>
#include <map>
#include <memory>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>

namespace inetd {

// Those that give nobody's files, processes or identity away.
static constexpr CapabilitySet kHarmless{std::uint64_t{1} << CAP_NET_BIND_SERVICE |
                                         std::uint64_t{1} << CAP_NET_ADMIN |
                                         std::uint64_t{1} << CAP_NET_RAW};

// What it takes to become somebody else for good.
static constexpr CapabilitySet kBecoming{std::uint64_t{1} << CAP_SETUID |
                                         std::uint64_t{1} << CAP_SETGID |
                                         std::uint64_t{1} << CAP_SETPCAP};

std::string capabilities_line(CapabilitySet set) {
    std::string line;
    for (int i = 0; i < 64; ++i)
        if ((set.mask >> static_cast<unsigned>(i) & 1U) != 0)
            line += (line.empty() ? "" : " ") + capability_text(i);
    return line;
}

template<typename T>
static T number_in(const char* file, T otherwise) {
    std::ifstream stream(file);
    T number = otherwise;
    return stream >> number ? number : otherwise;
}

static std::uint64_t hard_limit(int resource) {
    struct rlimit64 limit {};
    return getrlimit64(static_cast<__rlimit_resource>(resource), &limit) == 0 ? limit.rlim_max : 0;
}

// For the effective set that is in effect now. Not faccessat(3), which may ask for the real user.
static bool is_closed(const std::string& path, int mode) {
    return syscall(SYS_faccessat2, AT_FDCWD, path.c_str(), mode, AT_EACCESS) != 0 &&
           errno != ENOENT && errno != ENOTDIR && errno != EROFS;
}

static PrivilegeFacts gather_facts() {
    PrivilegeFacts facts;
    facts.own = own_identity();
    facts.first_free_port =
        number_in("/proc/sys/net/ipv4/ip_unprivileged_port_start", facts.first_free_port);
    facts.most_buffer = std::min(number_in("/proc/sys/net/core/wmem_max", facts.most_buffer),
                                 number_in("/proc/sys/net/core/rmem_max", facts.most_buffer));
    facts.nice = getpriority(PRIO_PROCESS, 0);
    facts.hard_limit = hard_limit;
    facts.can_filter_calls = can_filter_calls();
    // Many services are in one file and one directory.
    auto known = std::make_shared<std::map<std::pair<std::string, int>, bool>>();
    facts.is_closed = [known](const std::string& path, int mode) {
        const auto [at, fresh] = known->try_emplace({path, mode});
        if (fresh) at->second = is_closed(path, mode);
        return at->second;
    };
    return facts;
}

std::vector<Need> Privileges::needs(const DaemonSettings& settings,
                                    const std::vector<ServiceConfigPtr>& services) const {
    PrivilegeFacts facts = gather_facts();
    for (const std::string& path : load_.paths)
        if (path.starts_with('/')) facts.files.push_back(path);
    if (!load_.settings.empty()) facts.files.push_back(load_.settings);
    facts.has_servers = sources_.servers() != 0;
    // The kernel itself says what takes a capability, when there is none.
    const CapabilitySet permitted = permitted_capabilities();
    const CapabilitySet effective = effective_capabilities();
    static_cast<void>(set_capabilities(permitted, {}));
    std::vector<Need> needs = privilege_needs(settings, services, facts);
    static_cast<void>(set_capabilities(permitted, effective));
    return needs;
}

static CapabilitySet bounding_set() {
    CapabilitySet set;
    for (unsigned i = 0; i < 64; ++i)
        if (prctl(PR_CAPBSET_READ, i, 0, 0, 0) == 1) set.mask |= std::uint64_t{1} << i;
    return set;
}

Privileges::Verdict Privileges::prepare(const Loaded& loaded) {
    const CapabilitySet permitted = permitted_capabilities();
    std::uint64_t needed = capabilities_of(needs(loaded.daemon, loaded.services)).mask;
    if (loaded.daemon.account && !sealed_) needed |= kBecoming.mask;
    const std::uint64_t absent = needed & ~permitted.mask;
    if (sealed_) {
        if (!loaded.daemon.account || loaded.daemon.account->uid != *sealed_)
            return {.problem = fmt::format("the daemon has become user {} for good (user): restart "
                                           "it to change that",
                                           *sealed_)};
        const CapabilitySet lost{absent & kHarmless.mask & given_up_.mask};
        if (lost.mask != 0)
            return {.problem = fmt::format("{} has been given up for good (user): restart the "
                                           "daemon to have it",
                                           capabilities_line(lost))};
        return {};
    }
    if (loaded.daemon.account && sources_.servers() != 0)
        return {.problem = "servers run, which the daemon could not end any more as another user "
                           "(user): restart it"};
    if (loaded.daemon.account && sources_.changes())
        return {.problem = "the binary is being changed, which another user could not finish "
                           "(user): reload when it has been"};
    const CapabilitySet missing{absent & bounding_set().mask};
    if (missing.mask != 0 && exec_restores_capabilities()) return {.missing = missing};
    if (const auto raised = set_capabilities(permitted, permitted); !raised)
        log::error("privileges: {}", raised.error().text());
    return {};
}

Result<void> Privileges::seal(const Account& account, CapabilitySet needed) {
    const CapabilitySet before = permitted_capabilities();
    if (auto done = become_for_good(account, {needed.mask & kHarmless.mask}); !done)
        return Error{"user: " + done.error().what, done.error().code};
    sealed_ = account.uid;
    given_up_ = {before.mask & ~permitted_capabilities().mask};
    if (auto done = filter_calls(); !done) {
        if (done.error().code != ENOSYS) return done;
        log::warning("user: this kernel or processor has no filter of system calls");
    }
    return {};
}

Result<void> Privileges::limit(const DaemonSettings& settings,
                               const std::vector<ServiceConfigPtr>& services) {
    needs_ = needs(settings, services);
    const CapabilitySet needed = capabilities_of(needs_);
    const CapabilitySet permitted = permitted_capabilities();
    const CapabilitySet used{needed.mask & permitted.mask};
    Result<void> done;
    if (!sealed_ && settings.account && sources_.servers() != 0) {
        log::warning("user: servers of a binary before run on; after a restart");
    } else if (!sealed_ && settings.account) {
        done = seal(*settings.account, needed);
    } else if (!sealed_) {
        done = set_capabilities(exec_restores_capabilities() ? used : permitted, used);
    }
    if (!done) return done;
    const std::string line = capabilities_line(effective_capabilities());
    log::debug("capabilities in effect: {}", line.empty() ? "none" : line);
    return {};
}

PrivilegeState Privileges::state() const {
    PrivilegeState state{.uid = geteuid(),
                         .capabilities = {},
                         .no_new_privileges = has_no_new_privileges(),
                         .filtered = calls_are_filtered()};
    const CapabilitySet effective = effective_capabilities();
    for (int i = 0; i < 64; ++i) {
        if ((effective.mask >> static_cast<unsigned>(i) & 1U) == 0) continue;
        const auto need = std::find_if(needs_.begin(), needs_.end(),
                                       [&](const Need& one) { return one.capability == i; });
        state.capabilities.push_back(
            {capability_text(i), need == needs_.end() ? "" : need->reason});
    }
    return state;
}

} // namespace inetd
