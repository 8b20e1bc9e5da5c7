#pragma once

#include "config/values.h"

// The value of `landlock`.
namespace inetd {

[[nodiscard]] std::optional<Value> read_path_rights(const Setting& setting);
[[nodiscard]] std::string path_rights_text(const PathRights& rights);

// Empty, or why a server with that root directory cannot be held to these paths.
[[nodiscard]] std::string path_rights_problem(const std::string& root, const PathRights& rights);

// Whether `program` is one of the paths or below one.
[[nodiscard]] bool covers(const std::string& root, const PathRights& rights,
                          const std::string& program);

} // namespace inetd
