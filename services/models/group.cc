#include "group.h"

#include <cerrno>
#include <csignal>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace models {

void await_children() {
    while (wait(nullptr) > 0 || errno == EINTR) {
    }
}

// All of it in the handler, so that it does not matter what the process was about to do.
static void end_group(int) {
    std::signal(SIGTERM, SIG_IGN);
    kill(0, SIGTERM);
    await_children();
    _exit(0);
}

void lead_group() {
    // Fails where it is the leader already, as under inetd.
    static_cast<void>(setpgid(0, 0));
    struct sigaction action {};
    action.sa_handler = end_group;
    // Another handler's wait() must not take away what this one waits for.
    sigaddset(&action.sa_mask, SIGCHLD);
    sigaction(SIGTERM, &action, nullptr);
}

void follow(int parent) {
    std::signal(SIGTERM, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(0);
}

} // namespace models
