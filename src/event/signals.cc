#include "event/signals.h"

#include <array>
#include <cerrno>
#include <cstdint>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <system_error>
#include <unistd.h>

namespace inetd {

void block_signals() {
    sigset_t all;
    sigfillset(&all);
    // Job control, and what a fault or a watchdog ends the daemon with.
    for (const int open : {SIGTSTP, SIGTTIN, SIGTTOU, SIGCONT, SIGABRT, SIGSEGV, SIGBUS, SIGILL,
                           SIGFPE, SIGTRAP, SIGSYS})
        sigdelset(&all, open);
    sigprocmask(SIG_SETMASK, &all, nullptr);
    for (int number = 1; number < NSIG; ++number) {
        // The C library's sigaction refuses its own two signals, but whoever was started by
        // posix_spawn(3), as by make, has them ignored. All zero is SIG_DFL to the kernel.
        static constexpr std::array<std::uint64_t, 4> kDefault{};
        syscall(SYS_rt_sigaction, number, kDefault.data(), nullptr, sizeof(std::uint64_t));
    }
}

Signals::Signals(EventLoop& loop, std::initializer_list<int> wanted, Handler handler)
    : handler_(std::move(handler)) {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : wanted)
        sigaddset(&set, number);
    fd_.reset(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!fd_) throw std::system_error(errno, std::generic_category(), "signalfd");
    watch_ = loop.watch_first(fd_.get(), EPOLLIN, [this](std::uint32_t) { read_all(); });
}

// Of those that are pending the lowest number comes first, signal(7): SIGHUP, SIGUSR2 and SIGTERM
// before the SIGCHLD of the same moment. Nobody may conclude that what has ended has been reaped.
void Signals::read_all() {
    std::array<signalfd_siginfo, 16> batch{};
    const ssize_t size = ::read(fd_.get(), batch.data(), sizeof batch);
    if (size <= 0) return;
    const auto count = static_cast<std::size_t>(size) / sizeof batch[0];
    for (std::size_t i = 0; i < count; ++i)
        handler_(static_cast<int>(batch[i].ssi_signo), static_cast<pid_t>(batch[i].ssi_pid));
}

} // namespace inetd
