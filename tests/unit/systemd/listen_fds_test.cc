#include "systemd/listen_fds.h"

#include <cstdlib>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace inetd;

namespace {

struct Variables {
    Variables(const std::string& pid, const char* fds, const char* names) {
        setenv("LISTEN_PID", pid.c_str(), 1);
        setenv("LISTEN_FDS", fds, 1);
        if (names != nullptr) setenv("LISTEN_FDNAMES", names, 1);
    }
};

const std::string kMe = std::to_string(getpid());

bool nothing_left() {
    return getenv("LISTEN_PID") == nullptr && getenv("LISTEN_FDS") == nullptr &&
           getenv("LISTEN_FDNAMES") == nullptr;
}

} // namespace

TEST_CASE("variables that are not there or not ours hand nothing in") {
    CHECK(take_listen_fds().fds.empty());
    const Variables others(std::to_string(getppid()), "1", "a");
    const ListenFds taken = take_listen_fds();
    CHECK(taken.fds.empty());
    CHECK(taken.problems.empty());
    CHECK(nothing_left());
}

TEST_CASE("variables that make no sense are reported and removed") {
    for (const char* count : {"", "-1", "one", "1 ", "99999999999999999999", "2147483647x"}) {
        CAPTURE(count);
        const Variables given(kMe, count, nullptr);
        const ListenFds taken = take_listen_fds();
        CHECK(taken.fds.empty());
        CHECK(taken.problems.size() == 1);
        CHECK(nothing_left());
    }
    for (const char* pid : {"", "0", "-5", "me"}) {
        CAPTURE(pid);
        const Variables given(pid, "1", nullptr);
        CHECK(take_listen_fds().problems.size() == 1);
        CHECK(nothing_left());
    }
}

// A process of its own, whose descriptors 3 and 4 alone are open.
TEST_CASE("descriptors are taken with their names until one is not open") {
    const pid_t child = fork();
    if (child == 0) {
        close_range(3, ~0U, 0);
        bool good = open("/dev/null", O_RDONLY) == 3 && open("/dev/null", O_RDONLY) == 4;
        const Variables given(std::to_string(getpid()), "3", "first:");
        ListenFds taken = take_listen_fds();
        good = good && taken.fds.size() == 2 && taken.fds[0].name == "first" &&
               taken.fds[1].name == "unknown" && taken.fds[1].fd.get() == 4 &&
               taken.problems.size() == 1 && (fcntl(3, F_GETFD) & FD_CLOEXEC) != 0;
        _exit(good && nothing_left() ? 0 : 1);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(status == 0);
}
