#include "process/pid_file.h"

#include <cerrno>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

namespace inetd {

static struct flock whole_file() {
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    return lock;
}

static Result<void> lock_file(int fd, const std::string& path) {
    struct flock lock = whole_file();
    if (fcntl(fd, F_SETLK, &lock) == 0) return {};
    if (errno != EACCES && errno != EAGAIN) return errno_error("lock " + path);
    lock = whole_file();
    if (fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK)
        return Error{fmt::format("already running as pid {} ({})", lock.l_pid, path), 0};
    return Error{fmt::format("{} is locked by another process", path), 0};
}

// Who held it may have removed it between our open and our lock: then the lock is worth nothing, as
// the next one finds another file, or none.
static bool has_name(int fd, const std::string& path) {
    struct stat ours {};
    struct stat there {};
    return fstat(fd, &ours) == 0 && lstat(path.c_str(), &there) == 0 &&
           ours.st_ino == there.st_ino && ours.st_dev == there.st_dev;
}

Result<PidFile> PidFile::take(const std::string& path) {
    Fd fd;
    do {
        fd.reset(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0644));
        if (!fd) return errno_error("pid file " + path);
        if (const auto locked = lock_file(fd.get(), path); !locked) return locked.error();
    } while (!has_name(fd.get(), path));
    const std::string text = fmt::format("{}\n", getpid());
    if (ftruncate(fd.get(), 0) != 0 ||
        pwrite(fd.get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()))
        return errno_error("write " + path);
    return PidFile(path, std::move(fd));
}

PidFile::~PidFile() {
    if (fd_) unlink(path_.c_str());
}

} // namespace inetd
