#include "process/sandbox.h"

#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace inetd {

// What is in the bounding set now and not in `kept`. The kernel knows its last one.
static std::vector<int> dropped_of(std::uint64_t kept) {
    std::vector<int> dropped;
    for (int i = 0; i < 64; ++i) {
        const int bound = prctl(PR_CAPBSET_READ, i, 0, 0, 0);
        if (bound < 0) break;
        if (bound == 1 && (kept >> static_cast<unsigned>(i) & 1) == 0) dropped.push_back(i);
    }
    return dropped;
}

// All rights to files that this kernel can take away: what it does not know it does not guard.
static std::uint64_t known_rights() {
    constexpr std::uint64_t kFirst = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1U) - 1;
    const long abi =
        syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
    std::uint64_t rights = kFirst;
    if (abi >= 2) rights |= LANDLOCK_ACCESS_FS_REFER;
    if (abi >= 3) rights |= kLandlockTruncate;
    if (abi >= 5) rights |= kLandlockIoctlDev;
    return rights;
}

static void add_landlock(Sandbox& sandbox, const PathRights& asked) {
    if (asked.empty()) return;
    constexpr std::uint64_t kRead =
        LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
    SandboxPlan& plan = sandbox.plan;
    plan.handled = known_rights();
    for (const std::string& path : asked.read_only)
        sandbox.paths.push_back({path.c_str(), kRead});
    for (const std::string& path : asked.read_write)
        sandbox.paths.push_back({path.c_str(), plan.handled});
    plan.paths = sandbox.paths.data();
    plan.path_count = sandbox.paths.size();
    // Without it landlock_restrict_self(2) takes CAP_SYS_ADMIN, which is not left by then.
    plan.no_new_privileges = true;
}

std::shared_ptr<const Sandbox> make_sandbox(const std::shared_ptr<const Surroundings>& surroundings,
                                            const Account& account) {
    const Confinement& asked = surroundings->confinement;
    if (asked == Confinement{}) return nullptr;
    auto sandbox = std::make_shared<Sandbox>();
    sandbox->surroundings = surroundings;
    for (const ResourceLimit& limit : asked.rlimits)
        sandbox->limits.push_back({limit.resource, {limit.soft, limit.hard}});
    SandboxPlan& plan = sandbox->plan;
    plan.limits = sandbox->limits.data();
    plan.limit_count = sandbox->limits.size();
    plan.io_priority = asked.io_priority.value_or(-1);
    plan.private_network = asked.private_network;
    plan.root = asked.root.empty() ? nullptr : asked.root.c_str();
    plan.no_new_privileges = asked.no_new_privileges;
    if (asked.capabilities) {
        sandbox->dropped = dropped_of(asked.capabilities->mask);
        plan.dropped = sandbox->dropped.data();
        plan.dropped_count = sandbox->dropped.size();
        plan.set_capabilities = true;
        plan.capabilities = asked.capabilities->mask;
        plan.ambient = account.uid != 0;
    }
    add_landlock(*sandbox, asked.landlock);
    return sandbox;
}

} // namespace inetd
