#include "ctl/text_file.h"

#include "base/fd.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

namespace inetd::ctl {

static constexpr std::size_t kMost = 1 << 20;
static constexpr std::string_view kBlanks = " \t\r\n\v\f";

Result<std::string> read_text_file(const std::string& path) {
    // Not to hang on a fifo.
    const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat info {};
    if (!file || fstat(file.get(), &info) != 0) return errno_error(path);
    if (S_ISDIR(info.st_mode)) return Error{path, EISDIR};
    if (!S_ISREG(info.st_mode)) return Error{path + ": not a regular file"};
    std::string text;
    char buffer[16384];
    for (;;) {
        const ssize_t size = read(file.get(), buffer, sizeof buffer);
        if (size < 0) return errno_error(path);
        if (size == 0) return text;
        text.append(buffer, static_cast<std::size_t>(size));
        if (text.size() > kMost) return Error{path, EFBIG};
    }
}

Result<void> write_text_file(const std::string& path, std::string_view text, bool replace) {
    const int how = replace ? O_TRUNC : O_EXCL;
    const Fd file(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | how, 0644));
    if (!file) return errno_error(path);
    while (!text.empty()) {
        const ssize_t size = write(file.get(), text.data(), text.size());
        if (size < 0) return errno_error("write " + path);
        text.remove_prefix(static_cast<std::size_t>(size));
    }
    return {};
}

Result<std::vector<std::string>> file_names(const std::string& directory) {
    std::error_code error;
    std::vector<std::string> names;
    for (std::filesystem::directory_iterator at(directory, error), end; !error && at != end;
         at.increment(error))
        names.push_back(at->path().filename().string());
    if (error) return Error{directory, error.value()};
    std::sort(names.begin(), names.end());
    return names;
}

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(kBlanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::vector<std::string> words_of(std::string_view text) {
    std::vector<std::string> words;
    while (!(text = trimmed(text)).empty()) {
        const auto end = std::min(text.find_first_of(kBlanks), text.size());
        words.emplace_back(text.substr(0, end));
        text.remove_prefix(end);
    }
    return words;
}

} // namespace inetd::ctl
