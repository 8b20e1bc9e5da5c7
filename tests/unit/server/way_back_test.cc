#include "server/way_back.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace inetd;

namespace {
// Descriptors up to `top`, and no more.
class Room {
  public:
    explicit Room(int top) {
        getrlimit(RLIMIT_NOFILE, &before_);
        rlimit tight = before_;
        tight.rlim_cur = static_cast<rlim_t>(top) + 1;
        REQUIRE(setrlimit(RLIMIT_NOFILE, &tight) == 0);
    }
    Room(const Room&) = delete;
    Room& operator=(const Room&) = delete;
    ~Room() { setrlimit(RLIMIT_NOFILE, &before_); }

  private:
    rlimit before_{};
};
} // namespace

static ino_t file_of(int fd) {
    struct stat status {};
    return fstat(fd, &status) == 0 ? status.st_ino : 0;
}

TEST_CASE("way back: a descriptor that was closed stands for the same again") {
    constexpr int kTop = 900;
    // In the middle there is room above it, as the last one there is none.
    for (const int fd : {400, kTop}) {
        const Room room(kTop);
        const Fd file(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        REQUIRE(fcntl(file.get(), F_DUPFD_CLOEXEC, fd) == fd);
        Handover handover;
        handover.sockets.emplace_back().fd = fd;
        {
            const WayBack way_back(handover);
            close(fd);
            way_back.restore();
        }
        CHECK(file_of(fd) == file_of(file.get()));
        close(fd);
    }
}

TEST_CASE("way back: the lock of the pid file is kept, as no copy of it is closed") {
    const Fd file(memfd_create("lock", MFD_CLOEXEC));
    REQUIRE(lockf(file.get(), F_TLOCK, 0) == 0);
    Handover handover;
    handover.pid_file = file.get();
    { const WayBack way_back(handover); }
    struct flock lock = {};
    lock.l_type = F_WRLCK;
    // Only another process would meet it.
    const pid_t other = fork();
    if (other == 0) _exit(fcntl(file.get(), F_GETLK, &lock) == 0 && lock.l_type == F_WRLCK ? 0 : 1);
    int status = -1;
    REQUIRE(waitpid(other, &status, 0) == other);
    CHECK(status == 0);
}
