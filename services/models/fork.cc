#include "clients.h"
#include "conversation.h"
#include "group.h"
#include "models.h"

#include <cerrno>
#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

namespace models {

static void reap(int) {
    const int saved = errno;
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    errno = saved;
}

void fork_for_each() {
    lead_group();
    struct sigaction action {};
    action.sa_handler = reap;
    sigaction(SIGCHLD, &action, nullptr);
    for (int client = -1; (client = next_client()) >= 0;) {
        switch (fork()) {
        case 0:
            std::signal(SIGTERM, SIG_DFL);
            close(kListener);
            serve(client);
            _exit(0);
        case -1: // there is no process to be had: the others have to wait for this client
            serve(client);
            break;
        default:
            close(client);
        }
    }
    await_children();
}

} // namespace models
