#include "process/background.h"

#include "process/pidfd.h"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace inetd {

// Waits until the daemon has told its status, or has died without a word.
[[noreturn]] static void wait_for_daemon(const Fd& from, pid_t middle) {
    int status = 0;
    while (waitpid(middle, &status, 0) < 0 && errno == EINTR) {
    }
    unsigned char code = EXIT_FAILURE;
    ssize_t size = 0;
    do {
        size = read(from.get(), &code, 1);
    } while (size < 0 && errno == EINTR);
    _exit(size == 1 ? code : EXIT_FAILURE);
}

Result<Background> Background::enter() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) return errno_error("pipe");
    Fd from(ends[0]);
    Fd to(ends[1]);
    const pid_t middle = fork();
    if (middle < 0) return errno_error("fork");
    if (middle > 0) {
        to.reset();
        wait_for_daemon(from, middle);
    }
    setsid();
    const Fd leader = open_process(getpid());
    // A session's leader could get a terminal again by opening one; its child cannot.
    const pid_t daemon = fork();
    if (daemon < 0) _exit(EXIT_FAILURE);
    if (daemon > 0) _exit(EXIT_SUCCESS);
    // How servers are started depends on whether it is gone, may_have_terminal().
    pollfd end{leader.get(), POLLIN, 0};
    while (leader && poll(&end, 1, -1) < 0 && errno == EINTR) {
    }
    return Background(std::move(to));
}

static void tell(Fd& parent, unsigned char status) {
    // A caller that was killed meanwhile needs no answer.
    if (parent && write(parent.get(), &status, 1) < 0) parent.reset();
    parent.reset();
}

void Background::ready() {
    const Fd null(open("/dev/null", O_RDWR | O_CLOEXEC));
    for (int target = 0; null && target <= 2; ++target)
        dup2(null.get(), target);
    tell(parent_, EXIT_SUCCESS);
}

void Background::failed(int status) {
    tell(parent_, static_cast<unsigned char>(status));
}

void secure_standard_descriptors() {
    for (int fd = open("/dev/null", O_RDWR); fd >= 0; fd = open("/dev/null", O_RDWR)) {
        if (fd <= 2) continue;
        close(fd);
        break;
    }
    syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC);
}

} // namespace inetd
