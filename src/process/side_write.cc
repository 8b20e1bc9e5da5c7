#include "process/side_write.h"

#include "base/fd.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <exception>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace inetd {

static bool write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t size = write(fd, text.data(), text.size());
        if (size < 0) return false;
        text.remove_prefix(static_cast<std::size_t>(size));
    }
    return true;
}

// 0 or errno.
static int write_file(const std::string& path, const std::string& text) {
    // A name that nobody else takes, or that only one who may write here anyway could have taken.
    const std::string fresh = fmt::format("{}.{}", path, getpid());
    const Fd fd(open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!fd) return errno;
    if (write_all(fd.get(), text) && rename(fresh.c_str(), path.c_str()) == 0) return 0;
    const int code = errno;
    unlink(fresh.c_str());
    return code;
}

// A listening socket that is open here would stay in use after the daemon had closed it, and were
// the disk to hang, for long. The daemon's end is this one's as well.
static void leave_the_daemon(pid_t daemon) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != daemon) _exit(ECANCELED);
    syscall(SYS_close_range, 3U, ~0U, 0U);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
}

Result<pid_t> side_write(const std::string& path, const std::function<std::string()>& text) {
    const pid_t daemon = getpid();
    const pid_t child = fork();
    if (child < 0) return errno_error("fork");
    if (child > 0) return child;
    leave_the_daemon(daemon);
    try {
        _exit(write_file(path, text()));
    } catch (const std::exception&) {
        _exit(ENOMEM);
    }
}

// An errno fits into an exit status (errno(3): they end at 133).
Result<void> side_write_result(const std::string& path, const ChildEnd& end) {
    if (end.succeeded()) return {};
    if (end.how == CLD_EXITED) return Error{"write " + path, end.status};
    return Error{fmt::format("write {}: {}", path, end.text()), 0};
}

} // namespace inetd
