#include "process/call_filter.h"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace inetd {

#if defined(__x86_64__) || defined(__aarch64__)

#if defined(__x86_64__)
static constexpr std::uint32_t kMachine = AUDIT_ARCH_X86_64;
#else
static constexpr std::uint32_t kMachine = AUDIT_ARCH_AARCH64;
#endif

// In groups by purpose. What processes of the resolver do (libc's NSS modules, libwrap) is among
// them.
static constexpr std::array kAllowed {
    // files: the configuration, the log, what SIGUSR1 writes, unix sockets
    SYS_read, SYS_write, SYS_readv, SYS_writev, SYS_pread64, SYS_pwrite64, SYS_preadv, SYS_pwritev,
        SYS_preadv2, SYS_pwritev2, SYS_openat, SYS_openat2, SYS_close, SYS_close_range, SYS_lseek,
        SYS_fstat, SYS_newfstatat, SYS_statx, SYS_statfs, SYS_fstatfs, SYS_faccessat,
        SYS_faccessat2, SYS_readlinkat, SYS_getdents64, SYS_getcwd, SYS_chdir, SYS_unlinkat,
        SYS_renameat, SYS_mkdirat, SYS_fchmod, SYS_fchmodat, SYS_fchown, SYS_fchownat,
        SYS_ftruncate, SYS_fsync, SYS_fdatasync, SYS_umask, SYS_fgetxattr, SYS_flock, SYS_fcntl,
        SYS_ioctl, SYS_dup, SYS_dup3, SYS_pipe2, SYS_splice, SYS_tee, SYS_sendfile,
        SYS_memfd_create, SYS_copy_file_range, SYS_fadvise64,
        // sockets
        SYS_socket, SYS_socketpair, SYS_bind, SYS_listen, SYS_accept, SYS_accept4, SYS_connect,
        SYS_shutdown, SYS_getsockname, SYS_getpeername, SYS_getsockopt, SYS_setsockopt, SYS_sendto,
        SYS_recvfrom, SYS_sendmsg, SYS_recvmsg, SYS_sendmmsg, SYS_recvmmsg,
        // waiting
        SYS_epoll_create1, SYS_epoll_ctl, SYS_epoll_pwait, SYS_epoll_pwait2, SYS_ppoll,
        SYS_pselect6, SYS_eventfd2, SYS_signalfd4, SYS_timerfd_create, SYS_timerfd_settime,
        SYS_timerfd_gettime, SYS_nanosleep, SYS_clock_nanosleep, SYS_clock_gettime,
        SYS_clock_getres, SYS_gettimeofday, SYS_futex, SYS_restart_syscall,
        // memory
        SYS_brk, SYS_mmap, SYS_mprotect, SYS_munmap, SYS_mremap, SYS_madvise, SYS_membarrier,
        SYS_rseq, SYS_getrandom,
        // itself and its forks
        SYS_set_robust_list, SYS_set_tid_address, SYS_wait4, SYS_waitid, SYS_exit, SYS_exit_group,
        SYS_getpid, SYS_getppid, SYS_gettid, SYS_getpgid, SYS_getsid, SYS_setsid, SYS_kill,
        SYS_tgkill, SYS_pidfd_open, SYS_pidfd_send_signal, SYS_getuid, SYS_geteuid, SYS_getgid,
        SYS_getegid, SYS_getresuid, SYS_getresgid, SYS_getgroups, SYS_capget, SYS_capset, SYS_prctl,
        SYS_prlimit64, SYS_getrusage, SYS_getpriority, SYS_sysinfo, SYS_uname, SYS_sched_yield,
        SYS_sched_getaffinity, SYS_getcpu,
        // signals
        SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_rt_sigpending,
        SYS_rt_sigtimedwait, SYS_sigaltstack,
#if defined(__x86_64__)
        // which later machines do not have
        SYS_open, SYS_stat, SYS_lstat, SYS_access, SYS_readlink, SYS_unlink, SYS_rename, SYS_mkdir,
        SYS_chmod, SYS_chown, SYS_lchown, SYS_dup2, SYS_pipe, SYS_poll, SYS_select,
        SYS_epoll_create, SYS_epoll_wait, SYS_getpgrp, SYS_time, SYS_alarm, SYS_fork, SYS_vfork,
        SYS_arch_prctl,
#endif
};

// What a process does that has its descriptors and calculates.
static constexpr std::array kToParse {
    SYS_recvfrom, SYS_read, SYS_sendto, SYS_write, SYS_brk, SYS_munmap, SYS_mremap, SYS_madvise,
        SYS_futex, SYS_exit, SYS_exit_group, SYS_rt_sigreturn, SYS_restart_syscall, SYS_getrandom,
        SYS_clock_gettime,
#if defined(__SANITIZE_ADDRESS__)
        SYS_sigaltstack, // before whatever does not return
#endif
};

static constexpr sock_filter statement(unsigned code, std::uint32_t operand) {
    return {static_cast<std::uint16_t>(code), 0, 0, operand};
}

// The flags by which a child gets namespaces of its own: in one of users it would have all
// capabilities.
static constexpr std::uint32_t kNamespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS |
                                             CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |
                                             CLONE_NEWNET;

// Skips what follows where the word is not this one.
static constexpr sock_filter only(std::uint32_t operand) {
    return {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, operand};
}

// Allows a call, unless one of these bits is set in the lower half of an argument of it.
struct Exception {
    int call;
    std::size_t argument;
    std::uint32_t bits;
};

template<std::size_t kCalls>
static constexpr auto program(const std::array<int, kCalls>& allowed, const Exception& exception,
                              std::uint32_t otherwise) {
    std::array<sock_filter, 4 + 2 * kCalls + 5> all{};
    std::size_t at = 0;
    all[at++] = statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch));
    all[at++] = {BPF_JMP | BPF_JEQ | BPF_K, 1, 0, kMachine};
    all[at++] = statement(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    all[at++] = statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr));
    for (const auto number : allowed) {
        all[at++] = only(static_cast<std::uint32_t>(number));
        all[at++] = statement(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    }
    // The lower half comes first.
    const auto argument = offsetof(seccomp_data, args) + 8 * exception.argument;
    all[at++] = {BPF_JMP | BPF_JEQ | BPF_K, 0, 3, static_cast<std::uint32_t>(exception.call)};
    all[at++] = statement(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(argument));
    all[at++] = {BPF_JMP | BPF_JSET | BPF_K, 1, 0, exception.bits};
    all[at++] = statement(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    all[at] = statement(BPF_RET | BPF_K, otherwise);
    return all;
}

template<std::size_t kSize>
static Result<void> install(const std::array<sock_filter, kSize>& all) {
    const sock_fprog filter{kSize, const_cast<sock_filter*>(all.data())};
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) != 0)
        return Error{"filter of system calls", errno == EINVAL ? ENOSYS : errno};
    return {};
}

Result<void> filter_calls() {
    // clone() without the flags is fork().
    static constexpr auto kProgram =
        program(kAllowed, {.call = SYS_clone, .argument = 0, .bits = kNamespaces},
                SECCOMP_RET_ERRNO | ENOSYS);
    return install(kProgram);
}

Result<void> filter_calls_to_parse() {
    // Memory, but no code.
    static constexpr auto kProgram = program(
        kToParse, {.call = SYS_mmap, .argument = 2, .bits = PROT_EXEC}, SECCOMP_RET_KILL_PROCESS);
    return install(kProgram);
}

bool can_filter_calls() {
    const std::uint32_t action = SECCOMP_RET_KILL_PROCESS;
    return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

#else

bool can_filter_calls() {
    return false;
}

Result<void> filter_calls() {
    return Error{"filter of system calls", ENOSYS};
}

Result<void> filter_calls_to_parse() {
    return filter_calls();
}

#endif

bool calls_are_filtered() {
    return prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == SECCOMP_MODE_FILTER;
}

} // namespace inetd
