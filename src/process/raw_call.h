#pragma once

#include <cerrno>
#include <sys/syscall.h>
#include <unistd.h>

// A system call without libc: what runs between clone and exec shares errno, the heap and every
// lock with the daemon, which goes on meanwhile. The sanitizers are kept out for the same reason:
// their bookkeeping is the parent's.
#define INETD_RAW __attribute__((noinline, no_sanitize("address", "undefined")))

namespace inetd {

// The result, or -errno.
#if defined(__x86_64__)

INETD_RAW inline long raw(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0) {
    long result = 0;
    register long r10 asm("r10") = d;
    register long r8 asm("r8") = e;
    asm volatile("syscall"
                 : "=a"(result)
                 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                 : "rcx", "r11", "memory");
    return result;
}

#elif defined(__aarch64__)

INETD_RAW inline long raw(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0) {
    register long x8 asm("x8") = number;
    register long x0 asm("x0") = a;
    register long x1 asm("x1") = b;
    register long x2 asm("x2") = c;
    register long x3 asm("x3") = d;
    register long x4 asm("x4") = e;
    asm volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
    return x0;
}

#else

// No machine code for this processor: only fork is used, in whose child libc may be called.
inline long raw(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0) {
    const long result = syscall(number, a, b, c, d, e);
    return result < 0 ? -errno : result;
}

#endif

} // namespace inetd
