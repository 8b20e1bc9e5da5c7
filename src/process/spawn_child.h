#pragma once

#include "process/vdso_clock.h"

#include <cstdint>
#include <ctime>
#include <sys/resource.h>
#include <sys/types.h>

namespace inetd {

struct SandboxPlan;

// What the child side reads: plain data that the parent has prepared and will not touch until the
// child has left our memory. -1 and null mean: leave as it is.
struct ChildPlan {
    const char* path;
    char* const* argv;
    char* const* envp;
    int socket;       // already in the child's table, or -1: comes over `receive`
    int errors;       // the same; becomes 2 instead of the socket, if there is one
    char* listen_pid; // where the child writes its pid, and then the socket becomes 3; or null
    int receive;      // a unix socket with one descriptor or both in a message
    bool* fetched;    // set when that message was received
    int report;       // the pipe for a SpawnReport; not 3
    bool own_session; // or just a process group of its own
    bool set_account;
    uid_t uid;
    gid_t gid;
    const gid_t* groups;
    std::size_t group_count;
    bool set_limit;
    struct rlimit64 limit; // RLIMIT_NOFILE
    bool set_nice;
    int nice;
    int umask;
    const char* directory;
    const SandboxPlan* sandbox;
    int control_group;  // to be born in, for clone_child()
    bool move_to_group; // after a fork, which has no such thing
    VdsoClock clock;    // null: ask the kernel
    timespec* exec_at; // where the child notes when it calls exec, CLOCK_MONOTONIC; 0 if that fails
};

// Turns this process into the plan's program; returns only if that failed, having reported it. It
// may run in the memory of its parent: raw system calls only, no errno, no locks, nothing of libc.
int run_child(const ChildPlan& plan);

// Starts `run_child(*plan)` in a new process that shares our memory, on a stack of its own, and
// does not wait for it. `child_running` is set to 0 by the kernel when the child has left our
// memory. Returns the pid, or -errno; -ENOSYS on a machine for which it is not written.
pid_t clone_child(const ChildPlan& plan, void* stack, std::size_t stack_size, int* child_running,
                  bool share_descriptors);

} // namespace inetd
