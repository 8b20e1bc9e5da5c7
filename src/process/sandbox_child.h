#pragma once

#include "process/sandbox.h"
#include "process/spawn.h"

namespace inetd {

// How far a child has come: what its report tells if it gets no farther.
struct SpawnProgress {
    SpawnStage stage;
    int item;    // of a list in its configuration, or -1
    int ruleset; // of landlock, made before the account is taken, or -1
};

// These run between clone and exec, under the rules of run_child(): what needs the rights of the
// daemon, and so comes before the account is taken. Returns -errno or at least 0.
long confine_before_account(const SandboxPlan& plan, SpawnProgress& progress);

// Right after the account is taken: gives back of the rights what is to be kept.
long confine_after_account(const SandboxPlan& plan, SpawnProgress& progress);

// The last thing before exec.
long confine_at_last(const SandboxPlan& plan, SpawnProgress& progress);

} // namespace inetd
