#pragma once

#include "base/result.h"
#include "config/diagnostic.h"

#include <cstddef>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace inetd {

// A configuration file as it was read.
struct FileText {
    std::string text;
    dev_t device = 0;
    ino_t inode = 0;
    bool world_writable = false; // a regular file that anybody may change
};

// Nobody would write more configuration.
inline constexpr std::size_t kLargestFile = std::size_t{64} * 1024 * 1024;

// The whole of a file. What is included must be a regular file: opening a device or a pipe may
// hang. More than `most` bytes are too large.
[[nodiscard]] Result<FileText> read_file(const std::string& path, bool regular_only,
                                         std::size_t most = kLargestFile);

// A warning if anybody may change the file.
[[nodiscard]] std::optional<Diagnostic> writable_warning(const std::string& path,
                                                         const FileText& file);

[[nodiscard]] bool is_directory(const std::string& path);

// The files of `directory` whose names end in ".conf", none of them hidden, in byte order.
[[nodiscard]] Result<std::vector<std::string>> conf_files(const std::string& directory);

// The paths that match, in byte order, without those that editors and dpkg leave behind. A
// pattern without any wildcard is its own match.
[[nodiscard]] std::vector<std::string> matching_files(const std::string& pattern);

} // namespace inetd
