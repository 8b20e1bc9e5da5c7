#include "process/session.h"

#include "base/fd.h"
#include "process/pidfd.h"

#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace inetd {

// Whether it may do something yet: nobody need have waited for it.
static bool is_running(pid_t pid) {
    const Fd process = open_process(pid);
    if (!process) return errno != ESRCH;
    pollfd end{process.get(), POLLIN, 0};
    return poll(&end, 1, 0) != 1;
}

// A server must not get at the terminal that somebody has started the daemon from. Where there is
// none it need not have a session of its own, which is dear: with each the kernel makes a group for
// its scheduler (sched_autogroup_create_attach in Linux) and ends it, and that takes longer than
// the clone.
//
// Only the leader of a session can give it a terminal, by opening one without O_NOCTTY (tty(4),
// setsid(2)), which we never do. A leader that is gone stays gone: its pid is not used again as
// long as the session lives.
bool may_have_terminal() {
    const Fd terminal(open("/dev/tty", O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
    // tty(4): ENXIO is what says that there is none.
    if (terminal || errno != ENXIO) return true;
    const pid_t leader = getsid(0);
    if (leader == getpid()) return false;
    // 0: it is of another PID namespace, and nothing is known of it.
    return leader == 0 || is_running(leader);
}

} // namespace inetd
