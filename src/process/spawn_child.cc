#include "process/spawn_child.h"

#include "process/raw_call.h"
#include "process/sandbox_child.h"

#include <csignal>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <sys/socket.h>

// This file is what runs between clone and exec: raw_call.h says why nothing here may call into
// libc.

namespace inetd {

#if defined(__x86_64__)

using Entry = int (*)(const ChildPlan&);

INETD_RAW static long raw_clone3(const clone_args* args, Entry entry, const ChildPlan* plan) {
    long result = 0;
    register Entry child asm("r8") = entry;
    register const ChildPlan* argument asm("r9") = plan;
    asm volatile("syscall\n\t"
                 "test %%rax, %%rax\n\t"
                 "jnz 1f\n\t"
                 "xor %%ebp, %%ebp\n\t" // the outermost frame, for whoever unwinds
                 "mov %%r9, %%rdi\n\t"
                 "call *%%r8\n\t"
                 "mov %%eax, %%edi\n\t"
                 "mov %[exit], %%eax\n\t"
                 "syscall\n\t"
                 "hlt\n"
                 "1:"
                 : "=a"(result)
                 : "a"(SYS_clone3), "D"(args), "S"(sizeof *args), "r"(child),
                   "r"(argument), [exit] "i"(SYS_exit_group)
                 : "rcx", "r11", "memory");
    return result;
}

#elif defined(__aarch64__)

using Entry = int (*)(const ChildPlan&);

INETD_RAW static long raw_clone3(const clone_args* args, Entry entry, const ChildPlan* plan) {
    register long x8 asm("x8") = SYS_clone3;
    register long x0 asm("x0") = reinterpret_cast<long>(args);
    register long x1 asm("x1") = sizeof *args;
    register Entry child asm("x9") = entry;
    register const ChildPlan* argument asm("x10") = plan;
    asm volatile("svc 0\n\t"
                 "cbnz x0, 1f\n\t"
                 "mov x29, xzr\n\t"
                 "mov x0, x10\n\t"
                 "blr x9\n\t"
                 "mov x8, %[exit]\n\t"
                 "svc 0\n"
                 "1:"
                 : "+r"(x0)
                 : "r"(x8), "r"(x1), "r"(child), "r"(argument), [exit] "i"(SYS_exit_group)
                 : "memory");
    return x0;
}

#endif

// What waits in the slot's pair: the socket and perhaps another, SCM_RIGHTS, unix(7).
INETD_RAW static long receive_descriptors(int from, int* socket, int* errors) {
    char byte = 0;
    iovec part{&byte, 1};
    alignas(cmsghdr) char control[CMSG_SPACE(2 * sizeof(int))];
    msghdr message;
    message.msg_name = nullptr;
    message.msg_namelen = 0;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    message.msg_flags = 0;
    const long got = raw(SYS_recvmsg, from, reinterpret_cast<long>(&message), MSG_CMSG_CLOEXEC);
    if (got < 0) return got;
    const cmsghdr* header = CMSG_FIRSTHDR(&message);
    if (header == nullptr || header->cmsg_type != SCM_RIGHTS) return -EBADF;
    const int* descriptors = reinterpret_cast<const int*>(CMSG_DATA(header));
    *socket = descriptors[0];
    if (header->cmsg_len >= CMSG_LEN(2 * sizeof(int))) *errors = descriptors[1];
    return 0;
}

// For the digits of a pid, which is at most 4194304 (PID_MAX_LIMIT), and a NUL.
INETD_RAW static void write_number(char* to, long number) {
    int digits = 1;
    for (long rest = number; rest >= 10; rest /= 10)
        ++digits;
    to[digits] = '\0';
    for (; digits > 0; number /= 10)
        to[--digits] = static_cast<char>('0' + number % 10);
}

// As systemd places the first socket of a unit: sd_listen_fds(3), systemd.exec(5).
INETD_RAW static long place_as_listen_fd(const ChildPlan& plan, int socket, int errors) {
    write_number(plan.listen_pid, raw(SYS_getpid));
    static const char kNull[] = "/dev/null";
    const long null = raw(SYS_openat, AT_FDCWD, reinterpret_cast<long>(kNull), O_RDWR | O_CLOEXEC);
    if (null < 0) return null;
    for (int target = 0; target <= 1; ++target) {
        const long placed = raw(SYS_dup3, null, target, 0);
        if (placed < 0) return placed;
    }
    long done = errors < 0 ? 0 : raw(SYS_dup3, errors, 2, 0);
    if (done < 0) return done;
    done = socket == 3 ? raw(SYS_fcntl, socket, F_SETFD, 0) : raw(SYS_dup3, socket, 3, 0);
    if (done < 0) return done;
    return raw(SYS_close_range, 4, ~0U, CLOSE_RANGE_CLOEXEC);
}

// Its own table first, without what lies above `receive`: until then the daemon's is shared, and
// nothing may be opened or closed. Then the socket on 0, 1, 2, or something else on 2, and
// everything else gone at exec.
INETD_RAW static long take_descriptors(const ChildPlan& plan) {
    int socket = plan.socket;
    int errors = plan.errors;
    if (plan.receive >= 0) {
        const int top = plan.receive > plan.report ? plan.receive : plan.report;
        const long own = raw(SYS_close_range, top + 1, ~0U, CLOSE_RANGE_UNSHARE);
        if (own < 0) return own;
        const long got = receive_descriptors(plan.receive, &socket, &errors);
        if (got < 0) return got;
        *plan.fetched = true;
    }
    if (plan.listen_pid != nullptr) return place_as_listen_fd(plan, socket, errors);
    for (int target = 0; target <= 2; ++target) {
        const long done = raw(SYS_dup3, target == 2 && errors >= 0 ? errors : socket, target, 0);
        if (done < 0) return done;
    }
    return raw(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC);
}

// Groups before the user: afterwards there is no right to set them.
INETD_RAW static long take_account(const ChildPlan& plan, SpawnProgress& progress) {
    if (!plan.set_account) return 0;
    progress.stage = SpawnStage::groups;
    long done = raw(SYS_setgroups, static_cast<long>(plan.group_count),
                    reinterpret_cast<long>(plan.groups));
    if (done < 0) return done;
    progress.stage = SpawnStage::group;
    done = raw(SYS_setresgid, plan.gid, plan.gid, plan.gid);
    if (done < 0) return done;
    progress.stage = SpawnStage::user;
    return raw(SYS_setresuid, plan.uid, plan.uid, plan.uid);
}

INETD_RAW static long change_identity(const ChildPlan& plan, SpawnProgress& progress) {
    if (plan.sandbox == nullptr) return take_account(plan, progress);
    long done = confine_before_account(*plan.sandbox, progress);
    if (done < 0) return done;
    done = take_account(plan, progress);
    return done < 0 ? done : confine_after_account(*plan.sandbox, progress);
}

// "0" stands for whoever writes it, cgroups(7).
INETD_RAW static long move_to_group(int directory) {
    static const char kFile[] = "cgroup.procs";
    static const char kSelf[] = "0";
    const long file =
        raw(SYS_openat, directory, reinterpret_cast<long>(kFile), O_WRONLY | O_CLOEXEC);
    return file < 0 ? file : raw(SYS_write, file, reinterpret_cast<long>(kSelf), 1);
}

INETD_RAW static long become_program(const ChildPlan& plan, SpawnProgress& progress) {
    if (plan.move_to_group) {
        progress.stage = SpawnStage::control_group;
        const long moved = move_to_group(plan.control_group);
        if (moved < 0) return moved;
    }
    progress.stage = SpawnStage::descriptors;
    long done = take_descriptors(plan);
    if (done < 0) return done;
    progress.stage = SpawnStage::session;
    done = plan.own_session ? raw(SYS_setsid) : raw(SYS_setpgid, 0, 0);
    if (done < 0) return done;
    if (plan.set_limit) {
        progress.stage = SpawnStage::limits;
        done = raw(SYS_prlimit64, 0, RLIMIT_NOFILE, reinterpret_cast<long>(&plan.limit), 0);
        if (done < 0) return done;
    }
    // Before the account: a lower number needs root's right.
    if (plan.set_nice) {
        progress.stage = SpawnStage::priority;
        done = raw(SYS_setpriority, PRIO_PROCESS, 0, plan.nice);
        if (done < 0) return done;
    }
    done = change_identity(plan, progress);
    if (done < 0) return done;
    if (plan.umask >= 0) raw(SYS_umask, plan.umask);
    // After it: only what the account may enter.
    if (plan.directory != nullptr) {
        progress.stage = SpawnStage::directory;
        done = raw(SYS_chdir, reinterpret_cast<long>(plan.directory));
        if (done < 0) return done;
    }
    if (plan.sandbox != nullptr) {
        done = confine_at_last(*plan.sandbox, progress);
        if (done < 0) return done;
    }
    progress.stage = SpawnStage::mask;
    const std::uint64_t none = 0; // the kernel's sigset_t: 64 signals
    done = raw(SYS_rt_sigprocmask, SIG_SETMASK, reinterpret_cast<long>(&none), 0, sizeof none);
    if (done < 0) return done;
    progress.stage = SpawnStage::exec;
    if (plan.clock == nullptr || plan.clock(CLOCK_MONOTONIC, plan.exec_at) != 0)
        raw(SYS_clock_gettime, CLOCK_MONOTONIC, reinterpret_cast<long>(plan.exec_at));
    done = raw(SYS_execve, reinterpret_cast<long>(plan.path), reinterpret_cast<long>(plan.argv),
               reinterpret_cast<long>(plan.envp));
    plan.exec_at->tv_sec = 0;
    plan.exec_at->tv_nsec = 0;
    return done;
}

INETD_RAW int run_child(const ChildPlan& plan) {
    SpawnProgress progress{.stage = SpawnStage::descriptors, .item = -1, .ruleset = -1};
    const long failed = become_program(plan, progress);
    SpawnReport report;
    report.pid = static_cast<pid_t>(raw(SYS_getpid));
    report.stage = progress.stage;
    report.item = progress.item;
    report.code = static_cast<int>(-failed);
    // Less than PIPE_BUF, so whole or not at all, pipe(7).
    raw(SYS_write, plan.report, reinterpret_cast<long>(&report), sizeof report);
    return 127;
}

#if defined(__x86_64__) || defined(__aarch64__)

pid_t clone_child(const ChildPlan& plan, void* stack, std::size_t stack_size, int* child_running,
                  bool share_descriptors) {
    clone_args args{};
    args.flags = CLONE_VM | CLONE_CHILD_CLEARTID;
    if (share_descriptors) args.flags |= CLONE_FILES;
    if (plan.control_group >= 0) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = static_cast<unsigned>(plan.control_group);
    }
    args.exit_signal = SIGCHLD;
    args.child_tid = reinterpret_cast<std::uintptr_t>(child_running);
    args.stack = reinterpret_cast<std::uintptr_t>(stack);
    args.stack_size = stack_size;
    return static_cast<pid_t>(raw_clone3(&args, &run_child, &plan));
}

#else

pid_t clone_child(const ChildPlan&, void*, std::size_t, int*, bool) {
    return -ENOSYS;
}

#endif

} // namespace inetd
