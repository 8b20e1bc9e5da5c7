#pragma once

#include "base/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace inetd::ctl {

// All of a regular file, which may have 1 MiB.
[[nodiscard]] Result<std::string> read_text_file(const std::string& path);

// Makes the file, mode 0644. One that is there is an error, unless it may be replaced.
[[nodiscard]] Result<void> write_text_file(const std::string& path, std::string_view text,
                                           bool replace);

// The names in a directory, in the order of their bytes.
[[nodiscard]] Result<std::vector<std::string>> file_names(const std::string& directory);

// The pieces between blanks.
[[nodiscard]] std::vector<std::string> words_of(std::string_view text);

// Without blanks at both ends.
[[nodiscard]] std::string_view trimmed(std::string_view text);

} // namespace inetd::ctl
