#pragma once

#include "config/model.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <sys/resource.h>
#include <vector>

namespace inetd {

// What the child reads of its confinement: plain data, like ChildPlan. Null, empty and -1 mean that
// nothing is asked for.
struct SandboxPlan {
    struct Limit {
        int resource;
        struct rlimit64 value;
    };
    const Limit* limits = nullptr;
    std::size_t limit_count = 0;
    int io_priority = -1;
};

// The confinement of one service, made once for all of its children, which may read it until they
// have become their programs: a Spawner holds it as long.
struct Sandbox {
    SandboxPlan plan;
    std::vector<SandboxPlan::Limit> limits;
    // Owns what `plan` points into.
    std::shared_ptr<const Surroundings> surroundings;
};

// Null if nothing is asked for: then a child makes no system call more.
[[nodiscard]] std::shared_ptr<const Sandbox>
make_sandbox(const std::shared_ptr<const Surroundings>& surroundings);

} // namespace inetd
