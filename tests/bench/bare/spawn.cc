// A child for each connection by clone3(2) into our own memory, not waited for.

#include "tools.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <linux/close_range.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace bare {

namespace {

constexpr std::size_t kSlots = 16;
constexpr std::size_t kStack = 16384;

// What a child in flight works on; free again when the kernel has cleared `running`.
struct Slot {
    std::atomic<int> running{0};
    void* stack = nullptr;
    int socket = -1;
    char** program = nullptr;
};

int child(void* data) {
    const Slot& slot = *static_cast<Slot*>(data);
    char* const none[] = {nullptr};
    sigset_t empty{};
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &empty, nullptr, sizeof(long));
    syscall(SYS_dup3, slot.socket, 0, 0);
    syscall(SYS_dup3, slot.socket, 1, 0);
    syscall(SYS_execve, slot.program[0], slot.program, none);
    syscall(SYS_exit_group, 127);
    return 0;
}

void start(Slot& slot, int socket, char** program) {
    while (slot.running.load() != 0)
        syscall(SYS_futex, &slot.running, FUTEX_WAIT, 1, nullptr, nullptr, 0);
    slot.running = 1;
    slot.socket = socket;
    slot.program = program;
    void* const top = static_cast<char*>(slot.stack) + kStack;
    if (clone(child, top, CLONE_VM | CLONE_CHILD_CLEARTID | SIGCHLD, &slot, nullptr, nullptr,
              &slot.running) < 0)
        die("clone");
}

} // namespace

void serve_spawn(int port, char** program) {
    static std::array<Slot, kSlots> slots;
    for (Slot& slot : slots)
        slot.stack =
            mmap(nullptr, kStack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    sigset_t ends{};
    sigaddset(&ends, SIGCHLD);
    sigprocmask(SIG_BLOCK, &ends, nullptr);
    const int signals = signalfd(-1, &ends, SFD_NONBLOCK | SFD_CLOEXEC);
    const int listener = listen_on(port, SOCK_STREAM);
    const int epoll = new_epoll();
    watch(epoll, listener);
    watch(epoll, signals);
    std::size_t next = 0;
    for (;;) {
        std::array<epoll_event, 8> events{};
        const int ready = epoll_wait(epoll, events.data(), events.size(), -1);
        for (int i = 0; i < ready; ++i) {
            if (events[static_cast<std::size_t>(i)].data.fd == signals) {
                signalfd_siginfo info{};
                while (read(signals, &info, sizeof info) > 0) {
                }
                while (waitpid(-1, nullptr, WNOHANG) > 0) {
                }
                continue;
            }
            // As the daemon does it: until there is nobody left.
            for (int fd = 0; (fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
                start(slots[next], fd, program);
                next = (next + 1) % kSlots;
                close(fd);
            }
        }
    }
}

} // namespace bare
