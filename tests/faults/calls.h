#pragma once

#include <cstddef>
#include <sys/syscall.h>

// The system calls that the injector can let fail or hold.
struct Call {
    const char* name;
    unsigned number;
};

// Legacy calls are not there on every machine.
inline constexpr Call kCalls[] = {
    {"accept4", SYS_accept4},
    {"bind", SYS_bind},
    {"capset", SYS_capset},
    {"chdir", SYS_chdir},
    {"chroot", SYS_chroot},
    {"clone", SYS_clone},
    {"clone3", SYS_clone3},
    {"close_range", SYS_close_range},
    {"connect", SYS_connect},
    {"dup3", SYS_dup3},
    {"epoll_create1", SYS_epoll_create1},
    {"epoll_ctl", SYS_epoll_ctl},
    {"execve", SYS_execve},
    {"execveat", SYS_execveat},
    {"exit_group", SYS_exit_group},
    {"fchownat", SYS_fchownat},
    {"fcntl", SYS_fcntl},
    {"flock", SYS_flock},
    {"ftruncate", SYS_ftruncate},
    {"getdents64", SYS_getdents64},
    {"getpeername", SYS_getpeername},
    {"getrandom", SYS_getrandom},
    {"getsockname", SYS_getsockname},
    {"getsockopt", SYS_getsockopt},
    {"ioctl", SYS_ioctl},
    {"ioprio_set", SYS_ioprio_set},
    {"kill", SYS_kill},
    {"landlock_add_rule", SYS_landlock_add_rule},
    {"landlock_create_ruleset", SYS_landlock_create_ruleset},
    {"landlock_restrict_self", SYS_landlock_restrict_self},
    {"listen", SYS_listen},
    {"memfd_create", SYS_memfd_create},
    {"newfstatat", SYS_newfstatat},
    {"openat", SYS_openat},
    {"pidfd_open", SYS_pidfd_open},
    {"pidfd_send_signal", SYS_pidfd_send_signal},
    {"pipe2", SYS_pipe2},
    {"prctl", SYS_prctl},
    {"pread64", SYS_pread64},
    {"prlimit64", SYS_prlimit64},
    {"pwrite64", SYS_pwrite64},
    {"read", SYS_read},
    {"readlinkat", SYS_readlinkat},
    {"recvfrom", SYS_recvfrom},
    {"recvmmsg", SYS_recvmmsg},
    {"recvmsg", SYS_recvmsg},
    {"sendmmsg", SYS_sendmmsg},
    {"sendmsg", SYS_sendmsg},
    {"sendto", SYS_sendto},
    {"setgroups", SYS_setgroups},
    {"setpriority", SYS_setpriority},
    {"setresgid", SYS_setresgid},
    {"setresuid", SYS_setresuid},
    {"setsid", SYS_setsid},
    {"setsockopt", SYS_setsockopt},
    {"shutdown", SYS_shutdown},
    {"signalfd4", SYS_signalfd4},
    {"socket", SYS_socket},
    {"socketpair", SYS_socketpair},
    {"splice", SYS_splice},
    {"statx", SYS_statx},
    {"unlinkat", SYS_unlinkat},
    {"unshare", SYS_unshare},
    {"waitid", SYS_waitid},
    {"write", SYS_write},
    {"writev", SYS_writev},
#ifdef SYS_chmod
    {"chmod", SYS_chmod},
    {"dup2", SYS_dup2},
    {"epoll_wait", SYS_epoll_wait},
    {"poll", SYS_poll},
    {"readlink", SYS_readlink},
    {"unlink", SYS_unlink},
#else
    {"epoll_wait", SYS_epoll_pwait},
#endif
};
inline constexpr std::size_t kCount = sizeof kCalls / sizeof kCalls[0];
