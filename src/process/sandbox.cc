#include "process/sandbox.h"

namespace inetd {

std::shared_ptr<const Sandbox>
make_sandbox(const std::shared_ptr<const Surroundings>& surroundings) {
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
    return sandbox;
}

} // namespace inetd
