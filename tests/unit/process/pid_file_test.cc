#include "process/pid_file.h"

#include <cstdlib>
#include <doctest/doctest.h>
#include <string>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace inetd;

TEST_CASE("a pid file that is held has its name, though others come and go") {
    std::string directory = "/tmp/inetd-test-XXXXXX";
    REQUIRE(mkdtemp(directory.data()) != nullptr);
    const std::string path = directory + "/pid";
    constexpr int kTimes = 20'000;
    const pid_t other = fork();
    REQUIRE(other >= 0);
    if (other == 0) {
        for (int i = 0; i < kTimes; ++i)
            static_cast<void>(PidFile::take(path));
        _exit(0);
    }
    int held = 0;
    int lost = 0;
    for (int i = 0; i < kTimes; ++i) {
        const auto file = PidFile::take(path);
        if (!file) continue;
        struct stat ours {};
        struct stat there {};
        ++held;
        const bool same = fstat(file->fd(), &ours) == 0 && stat(path.c_str(), &there) == 0 &&
                          ours.st_ino == there.st_ino;
        if (!same) ++lost;
    }
    CHECK(held > 0);
    CHECK(lost == 0);
    CHECK(waitpid(other, nullptr, 0) == other);
    CHECK(rmdir(directory.c_str()) == 0);
}
