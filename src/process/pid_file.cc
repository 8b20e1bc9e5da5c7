#include "process/pid_file.h"

#include <cerrno>
#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

namespace inetd {

static struct flock whole_file() {
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    return lock;
}

Result<PidFile> PidFile::take(const std::string& path) {
    Fd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
    if (!fd) return errno_error("pid file " + path);
    struct flock lock = whole_file();
    if (fcntl(fd.get(), F_SETLK, &lock) != 0) {
        if (errno != EACCES && errno != EAGAIN) return errno_error("lock " + path);
        lock = whole_file();
        if (fcntl(fd.get(), F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK)
            return Error{fmt::format("already running as pid {} ({})", lock.l_pid, path), 0};
        return Error{fmt::format("{} is locked by another process", path), 0};
    }
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
