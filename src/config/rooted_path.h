#pragma once

#include "base/fd.h"

#include <string>
#include <sys/stat.h>

namespace inetd {

// What a process whose root directory is `root` finds at the absolute `path`, symbolic links
// included. An empty root is our own.
class RootedPath {
  public:
    RootedPath(std::string root, std::string path);

    // 0, or the errno of why there is nothing.
    [[nodiscard]] int code() const { return code_; }
    [[nodiscard]] const struct stat& info() const { return info_; }
    // Without symbolic links, seen from our own root; empty if that cannot be told.
    [[nodiscard]] std::string real() const;
    // access(2)
    [[nodiscard]] bool is_executable() const;
    // "'/x'", "'/x' below '/srv'"
    [[nodiscard]] std::string text() const;

  private:
    std::string root_;
    std::string path_;
    Fd place_;       // good for looking only (O_PATH)
    std::string at_; // by which we ourselves get there
    struct stat info_ {};
    int code_ = 0;
};

// Empty, or why that is no directory: "'/x': No such file or directory".
[[nodiscard]] std::string directory_problem(const std::string& root, const std::string& path);

} // namespace inetd
