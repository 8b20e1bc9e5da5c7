#include "server/leftovers.h"

#include "process/control_group.h"
#include "process/pidfd.h"

#include <system_error>
#include <unistd.h>

namespace inetd {

// Where there is no room for a watch, the next look tries again.
void Leftovers::watch(pid_t pid, Process& process) {
    try {
        process.watch = loop_.watch(process.pidfd.get(), EPOLLIN, [this, pid](std::uint32_t) {
            processes_.erase(pid);
            ended_();
        });
    } catch (const std::system_error&) {
        process.watch.reset();
    }
}

std::size_t Leftovers::look() {
    if (!owns_control_group()) return 0;
    for (auto& [pid, process] : processes_)
        if (!process.watch) watch(pid, process);
    for (const pid_t pid : control_group_members()) {
        if (pid == getpid() || launcher_.has(pid) || processes_.contains(pid)) continue;
        // What a server has started belongs to it as long as it is there itself.
        if (launcher_.has(getpgid(pid)) || launcher_.has(getsid(pid))) continue;
        Process process;
        process.pidfd = open_process(pid);
        if (!process.pidfd) continue;
        watch(pid, process);
        if (signal_ != 0) signal_process(process.pidfd.get(), signal_);
        processes_.emplace(pid, std::move(process));
    }
    return processes_.size();
}

void Leftovers::signal_all(int signal) {
    signal_ = signal;
    for (const auto& [pid, process] : processes_)
        signal_process(process.pidfd.get(), signal);
}

} // namespace inetd
