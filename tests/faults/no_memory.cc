// For LD_PRELOAD: once the process has asked for an epoll(7), the NO_MEMORY_AT'th malloc(3) that
// the program calls by itself fails, and no other. Those are of its operator new. What the process
// executes is not meant.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <link.h>
#include <sys/syscall.h>
#include <unistd.h>

extern "C" void* __libc_malloc(std::size_t size);

namespace {

struct Span {
    std::uintptr_t first = 0;
    std::uintptr_t last = 0;
};

Span program;
bool begun = false;
unsigned long left = 0;

// The program is the first of all objects.
int note_program(dl_phdr_info* object, std::size_t /*size*/, void* /*data*/) {
    for (int i = 0; i < object->dlpi_phnum; ++i) {
        const auto& part = object->dlpi_phdr[i];
        if (part.p_type != PT_LOAD || (part.p_flags & PF_X) == 0) continue;
        program.first = object->dlpi_addr + part.p_vaddr;
        program.last = program.first + part.p_memsz;
    }
    return 1;
}

__attribute__((constructor)) void read_order() {
    dl_iterate_phdr(note_program, nullptr);
    if (const char* order = getenv("NO_MEMORY_AT")) left = strtoul(order, nullptr, 10);
    unsetenv("NO_MEMORY_AT");
    unsetenv("LD_PRELOAD");
}

} // namespace

extern "C" int epoll_create1(int flags) noexcept {
    begun = true;
    return static_cast<int>(syscall(SYS_epoll_create1, flags));
}

extern "C" int close(int fd) {
    char target[64] = {};
    char link[32] = {};
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    if (begun && readlink(link, target, sizeof target - 1) > 0 &&
        strstr(target, "inetd-handover") != nullptr)
        left = 0;
    return static_cast<int>(syscall(SYS_close, fd));
}

extern "C" void* malloc(std::size_t size) {
    const auto caller = reinterpret_cast<std::uintptr_t>(__builtin_return_address(0));
    const bool is_new = program.first <= caller && caller < program.last;
    if (begun && is_new && left != 0 && --left == 0) return nullptr;
    return __libc_malloc(size);
}
