#include "process/worker_process.h"

#include "process/pidfd.h"
#include "process/privilege.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <exception>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <syslog.h>
#include <unistd.h>
#include <utility>

namespace inetd {

static constexpr int kSocket = 3; // in the worker

// The last for the daemon, which may have to end it.
static bool may_become_nobody() {
    const CapabilitySet has = effective_capabilities();
    const auto bit = [](int capability) { return std::uint64_t{1} << capability; };
    const std::uint64_t needed = bit(CAP_SETUID) | bit(CAP_SETGID) | bit(CAP_KILL);
    return (has.mask & needed) == needed;
}

static bool become_nobody() {
    uid_t uid = 65534;
    gid_t gid = 65534;
    if (const passwd* nobody = getpwnam("nobody")) {
        uid = nobody->pw_uid;
        gid = nobody->pw_gid;
    }
    return setgroups(0, nullptr) == 0 && setresgid(gid, gid, gid) == 0 &&
           setresuid(uid, uid, uid) == 0;
}

// What it reads comes from strangers, so it has to have nothing to lose.
static bool drop_rights(WorkerUser user) {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return false;
    const bool wanted = user == WorkerUser::nobody || may_become_nobody();
    if (geteuid() == 0 && wanted && !become_nobody()) return false;
    return set_capabilities({}, {}).has_value();
}

// Descriptors first: a listening socket that is open here stays in use when the daemon closes it.
static void leave_the_daemon(const char* name, WorkerUser user, int socket, pid_t daemon) {
    closelog(); // or libc would write to whatever has the number of the daemon's socket now
    if (socket != kSocket) dup3(socket, kSocket, O_CLOEXEC);
    syscall(SYS_close_range, 0U, static_cast<unsigned>(kSocket) - 1, 0U);
    syscall(SYS_close_range, static_cast<unsigned>(kSocket) + 1, ~0U, 0U);
    for (int fd = 0; fd < kSocket; ++fd)
        if (open("/dev/null", O_RDWR) != fd) _exit(EBADF);
    fcntl(kSocket, F_SETFL, 0);
    prctl(PR_SET_NAME, name);
    setsid();
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    if (chdir("/") != 0 || !drop_rights(user)) _exit(EPERM);
    // prctl(2): a change of the user takes it back.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != daemon) _exit(ECANCELED);
}

Result<WorkerProcess> start_worker(const char* name, WorkerUser user,
                                   const std::function<void(int)>& work) {
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0)
        return errno_error("socketpair");
    Fd ours(ends[0]);
    const Fd theirs(ends[1]);
    const pid_t daemon = getpid();
    const pid_t pid = fork();
    if (pid < 0) return errno_error("fork");
    if (pid == 0) {
        try {
            leave_the_daemon(name, user, theirs.get(), daemon);
            work(kSocket);
        } catch (const std::exception&) {
            _exit(ENOMEM);
        }
        _exit(0);
    }
    return WorkerProcess{std::move(ours), open_process(pid)};
}

} // namespace inetd
