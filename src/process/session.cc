#include "process/session.h"

#include "base/fd.h"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <unistd.h>

namespace inetd {

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
    return leader == 0 || kill(leader, 0) == 0 || errno != ESRCH;
}

} // namespace inetd
