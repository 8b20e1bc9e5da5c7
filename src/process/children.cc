#include "process/children.h"

#include <cerrno>
#include <csignal>
#include <cstring>

namespace inetd {

std::string ChildEnd::text() const {
    if (how == CLD_EXITED) return "exit " + std::to_string(status);
    const char* name = sigabbrev_np(status);
    const std::string signal =
        name != nullptr ? std::string("SIG") + name : "signal " + std::to_string(status);
    return "killed by " + signal + (how == CLD_DUMPED ? " (core dumped)" : "");
}

std::optional<ChildEnd> reap_one() {
    siginfo_t info{};
    // Whoever is not reaped now stays until another child ends.
    int done = 0;
    do {
        done = waitid(P_ALL, 0, &info, WEXITED | WNOHANG);
    } while (done != 0 && errno == EINTR);
    // waitid(2): with WNOHANG and nobody to reap it succeeds and leaves si_pid at 0.
    if (done != 0 || info.si_pid == 0) return std::nullopt;
    return ChildEnd{info.si_pid, info.si_code, info.si_status};
}

void signal_child(pid_t pid, int signal) {
    // The group exists once the child has come as far as that; until then there is just the child
    // itself.
    if (kill(-pid, signal) != 0) kill(pid, signal);
}

} // namespace inetd
