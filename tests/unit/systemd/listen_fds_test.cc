#include "systemd/listen_fds.h"

#include <cstdlib>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>

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
    const std::vector<std::pair<std::string, const char*>> all{
        {kMe, ""}, {kMe, "-1"}, {kMe, "one"}, {kMe, "1 "}, {kMe, "99999999999999999999"},
        {"", "1"}, {"0", "1"},  {"-5", "1"},  {"me", "1"}, {kMe, "2147483647x"}};
    for (const auto& item : all) {
        CAPTURE(item.first);
        CAPTURE(item.second);
        const Variables given(item.first, item.second, nullptr);
        const ListenFds taken = take_listen_fds();
        CHECK(taken.problems.size() == 1);
        CHECK(nothing_left());
    }
}

static bool takes_two_of_three() {
    close_range(3, ~0U, 0);
    const int first = open("/dev/null", O_RDONLY);
    const int second = open("/dev/null", O_RDONLY);
    const Variables given(std::to_string(getpid()), "3", "first:");
    const ListenFds taken = take_listen_fds();
    if (taken.fds.size() != 2 || taken.problems.size() != 1 || !nothing_left()) return false;
    return taken.fds[0].fd.get() == first && taken.fds[1].fd.get() == second &&
           taken.fds[0].name == "first" && taken.fds[1].name == "unknown" &&
           fcntl(first, F_GETFD) == FD_CLOEXEC;
}

// In a process of its own, whose descriptors 3 and 4 alone are open.
TEST_CASE("descriptors are taken with their names until one is not open") {
    const pid_t child = fork();
    if (child == 0) _exit(takes_two_of_three() ? 0 : 1);
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(status == 0);
}
