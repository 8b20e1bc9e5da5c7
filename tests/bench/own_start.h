#pragma once

// For servers without a C library, so that starting one is the exec alone: glibc asks the processor
// for its caches at every start, which a hypervisor has to answer, and which takes as long as all
// the rest of a connection where there is one. The file that includes this defines serve(), whose
// value is the exit code.

#include <array>
#include <sys/syscall.h>

#if defined(__x86_64__)

inline long call(long number, const std::array<long, 6>& a) {
    long result = number;
    register long fourth asm("r10") = a[3];
    register long fifth asm("r8") = a[4];
    register long sixth asm("r9") = a[5];
    asm volatile("syscall"
                 : "+a"(result)
                 : "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(fourth), "r"(fifth), "r"(sixth)
                 : "rcx", "r11", "memory");
    return result;
}

#elif defined(__aarch64__)

inline long call(long number, const std::array<long, 6>& a) {
    register long which asm("x8") = number;
    register long first asm("x0") = a[0];
    register long second asm("x1") = a[1];
    register long third asm("x2") = a[2];
    register long fourth asm("x3") = a[3];
    register long fifth asm("x4") = a[4];
    register long sixth asm("x5") = a[5];
    asm volatile("svc 0"
                 : "+r"(first)
                 : "r"(which), "r"(second), "r"(third), "r"(fourth), "r"(fifth), "r"(sixth)
                 : "memory");
    return first;
}

#else
#error "system calls of this processor are not written down here"
#endif

inline long address(const void* of) {
    return reinterpret_cast<long>(of);
}

static int serve();

extern "C" [[noreturn]] void _start() {
    const int code = serve();
    for (;;)
        call(SYS_exit_group, {code});
}
