#pragma once

#include "base/result.h"
#include "process/children.h"

#include <functional>
#include <string>
#include <sys/types.h>

namespace inetd {

// Writes a file from a child, so that it is the child that waits for the disk. The child has a copy
// of our memory as it is now, in which it calls `text`, and none of our descriptors but the
// standard ones. The file (0600) appears under its name when it is whole. Error: no child.
[[nodiscard]] Result<pid_t> side_write(const std::string& path,
                                       const std::function<std::string()>& text);

// What became of the file, by the end of that child.
[[nodiscard]] Result<void> side_write_result(const std::string& path, const ChildEnd& end);

} // namespace inetd
