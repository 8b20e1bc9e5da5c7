#include "process/sandbox.h"

#include <sys/prctl.h>

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
    return sandbox;
}

} // namespace inetd
