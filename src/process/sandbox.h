#pragma once

#include "config/model.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <sys/resource.h>
#include <vector>

namespace inetd {

// Rights of linux/landlock.h that headers of Linux 6.1 have not: from Linux 6.2 and 6.10 on.
inline constexpr std::uint64_t kLandlockTruncate = 1U << 14U;
inline constexpr std::uint64_t kLandlockIoctlDev = 1U << 15U;

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
    bool private_network = false;
    const char* root = nullptr;
    const int* dropped = nullptr; // out of the bounding set
    std::size_t dropped_count = 0;
    bool set_capabilities = false;
    std::uint64_t capabilities = 0;
    bool ambient = false; // for one who is not root; who is, gets them by exec
    bool no_new_privileges = false;
    struct Path {
        const char* path;
        std::uint64_t rights; // LANDLOCK_ACCESS_FS_*
    };
    const Path* paths = nullptr;
    std::size_t path_count = 0;
    std::uint64_t handled = 0; // the rights that the kernel knows
};

// The confinement of one service, made once for all of its children, which may read it until they
// have become their programs: a Spawner holds it as long.
struct Sandbox {
    SandboxPlan plan;
    std::vector<SandboxPlan::Limit> limits;
    std::vector<int> dropped;
    std::vector<SandboxPlan::Path> paths;
    // Owns what `plan` points into.
    std::shared_ptr<const Surroundings> surroundings;
};

// Null if nothing is asked for: then a child makes no system call more.
[[nodiscard]] std::shared_ptr<const Sandbox>
make_sandbox(const std::shared_ptr<const Surroundings>& surroundings, const Account& account);

} // namespace inetd
