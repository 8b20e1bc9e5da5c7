#include "config/files.h"

#include "base/fd.h"

#include <algorithm>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <glob.h>
#include <memory>
#include <sys/stat.h>

namespace inetd {

Result<FileText> read_file(const std::string& path, bool regular_only, std::size_t most) {
    const int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | (regular_only ? O_NONBLOCK : 0);
    const Fd file(::open(path.c_str(), flags));
    struct stat info {};
    if (!file || fstat(file.get(), &info) != 0) return errno_error("read " + path);
    if (S_ISDIR(info.st_mode)) return Error{"read " + path, EISDIR};
    if (regular_only && !S_ISREG(info.st_mode))
        return Error{"read " + path + ": not a regular file", 0};

    FileText out;
    out.device = info.st_dev;
    out.inode = info.st_ino;
    out.world_writable = S_ISREG(info.st_mode) && (info.st_mode & S_IWOTH) != 0;
    std::size_t used = 0;
    std::size_t room = static_cast<std::size_t>(std::clamp<off_t>(info.st_size, 4095, 1 << 20)) + 1;
    for (;;) {
        out.text.resize(used + room);
        const ssize_t got = ::read(file.get(), out.text.data() + used, room);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return errno_error("read " + path);
        if (got == 0) break;
        used += static_cast<std::size_t>(got);
        if (used > most) return Error{"read " + path, EFBIG};
    }
    out.text.resize(used);
    return out;
}

std::optional<Diagnostic> writable_warning(const std::string& path, const FileText& file) {
    if (!file.world_writable) return std::nullopt;
    Diagnostic diagnostic;
    diagnostic.severity = Diagnostic::Severity::warning;
    diagnostic.file = path;
    diagnostic.text = "anybody may write to this file";
    diagnostic.hint = "chmod o-w " + path;
    return diagnostic;
}

bool is_directory(const std::string& path) {
    struct stat info {};
    return stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

Result<std::vector<std::string>> conf_files(const std::string& directory) {
    const auto close = [](DIR* open) { closedir(open); };
    const std::unique_ptr<DIR, decltype(close)> open(opendir(directory.c_str()), close);
    if (open == nullptr) return errno_error("read " + directory);
    const std::string prefix = directory.ends_with('/') ? directory : directory + "/";
    std::vector<std::string> files;
    errno = 0;
    while (const dirent* entry = readdir(open.get())) {
        const std::string name = entry->d_name;
        if (name.ends_with(".conf") && !name.starts_with('.')) files.push_back(prefix + name);
    }
    if (errno != 0) return errno_error("read " + directory);
    std::sort(files.begin(), files.end());
    return files;
}

static bool is_leftover(const std::string& path) {
    return path.ends_with('~') || path.ends_with(".bak") || path.ends_with(".rpmnew") ||
           path.ends_with(".rpmsave") || path.find(".dpkg-") != std::string::npos;
}

std::vector<std::string> matching_files(const std::string& pattern) {
    if (pattern.find_first_of("*?[") == std::string::npos) return {pattern};
    glob_t found{};
    const int status = glob(pattern.c_str(), GLOB_NOSORT, nullptr, &found);
    const std::unique_ptr<glob_t, decltype(&globfree)> owner(&found, &globfree);
    std::vector<std::string> files;
    if (status == 0)
        for (std::size_t i = 0; i < found.gl_pathc; ++i)
            if (!is_leftover(found.gl_pathv[i])) files.emplace_back(found.gl_pathv[i]);
    // Not in the order of glob(3), which follows the locale of whoever started the daemon.
    std::sort(files.begin(), files.end());
    return files;
}

} // namespace inetd
