#include "config/rooted_path.h"

#include "base/result.h"
#include "config/source.h"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <fmt/core.h>
#include <linux/openat2.h>
#include <memory>
#include <sys/syscall.h>
#include <unistd.h>

namespace inetd {

// Before Linux 5.6, or behind a filter, there is nothing better than to put one after the other,
// and links that lead out of the root mislead us. The child will find that out.
static int open_in_root(const std::string& root, const std::string& path) {
    const Fd top(open(root.c_str(), O_PATH | O_CLOEXEC));
    if (!top) return -1;
    open_how how{};
    how.flags = O_PATH | O_CLOEXEC;
    how.resolve = RESOLVE_IN_ROOT;
    const long found = syscall(SYS_openat2, top.get(), path.c_str(), &how, sizeof how);
    if (found >= 0 || (errno != ENOSYS && errno != EPERM)) return static_cast<int>(found);
    return open((root + path).c_str(), O_PATH | O_CLOEXEC);
}

RootedPath::RootedPath(std::string root, std::string path)
    : root_(std::move(root)), path_(std::move(path)), at_(path_) {
    if (!root_.empty()) {
        place_.reset(open_in_root(root_, path_));
        if (!place_) {
            code_ = errno;
            return;
        }
        at_ = fmt::format("/proc/self/fd/{}", place_.get());
    }
    if (stat(at_.c_str(), &info_) != 0) code_ = errno;
}

std::string RootedPath::real() const {
    const std::unique_ptr<char, decltype(&std::free)> path(realpath(at_.c_str(), nullptr),
                                                           &std::free);
    return path == nullptr ? std::string() : path.get();
}

bool RootedPath::is_executable() const {
    return access(at_.c_str(), X_OK) == 0;
}

std::string RootedPath::text() const {
    return quoted(path_) + (root_.empty() ? "" : " below " + quoted(root_));
}

std::string directory_problem(const std::string& root, const std::string& path) {
    const RootedPath place(root, path);
    int code = place.code();
    if (code == 0 && !S_ISDIR(place.info().st_mode)) code = ENOTDIR;
    return code == 0 ? std::string() : Error{place.text(), code}.text();
}

} // namespace inetd
