// For LD_PRELOAD: once the process has asked for an epoll(7), the NO_MEMORY_AT'th operator new of
// it fails, and no other. What the process executes is not meant.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

bool begun = false;
unsigned long left = 0;

__attribute__((constructor)) void read_order() {
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

void* operator new(std::size_t size) {
    if (begun && left != 0 && --left == 0) throw std::bad_alloc();
    if (void* memory = malloc(size)) return memory;
    throw std::bad_alloc();
}

void operator delete(void* memory) noexcept {
    free(memory);
}

void operator delete(void* memory, std::size_t /*size*/) noexcept {
    free(memory);
}
