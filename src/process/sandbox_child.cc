#include "process/sandbox_child.h"

#include "process/raw_call.h"

#include <linux/ioprio.h>

namespace inetd {

// After everything else that a lower limit could stand in the way of.
INETD_RAW static long set_limits(const SandboxPlan& plan, SpawnProgress& progress) {
    progress.stage = SpawnStage::limits;
    for (std::size_t i = 0; i < plan.limit_count; ++i) {
        progress.item = static_cast<int>(i);
        const SandboxPlan::Limit& limit = plan.limits[i];
        const long done =
            raw(SYS_prlimit64, 0, limit.resource, reinterpret_cast<long>(&limit.value), 0);
        if (done < 0) return done;
    }
    progress.item = -1;
    return 0;
}

INETD_RAW long confine_before_account(const SandboxPlan& plan, SpawnProgress& progress) {
    long done = 0;
    if (plan.io_priority >= 0) {
        progress.stage = SpawnStage::io_priority;
        done = raw(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, plan.io_priority);
        if (done < 0) return done;
    }
    return set_limits(plan, progress);
}

} // namespace inetd
