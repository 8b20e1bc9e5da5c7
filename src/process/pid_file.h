#pragma once

#include "base/fd.h"
#include "base/result.h"

#include <string>

namespace inetd {

// A file with our pid, locked for as long as this lives, so that a second daemon with the same file
// finds that there is a first. Removed when it dies.
class PidFile {
  public:
    // Error: the path and, if another process holds it, that process's pid. The lock belongs to the
    // process (fcntl(2)), so call it after the last fork.
    static Result<PidFile> take(const std::string& path);
    // The file that a binary before us has taken in this process: `fd` holds the lock.
    static PidFile keep(const std::string& path, int fd) { return {path, Fd(fd)}; }
    [[nodiscard]] int fd() const { return fd_.get(); }
    PidFile(PidFile&&) = default;
    PidFile& operator=(PidFile&&) = delete;
    ~PidFile();

  private:
    PidFile(std::string path, Fd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
    std::string path_;
    Fd fd_;
};

} // namespace inetd
