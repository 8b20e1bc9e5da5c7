#pragma once

#include "ctl/imported.h"

#include <string>
#include <string_view>
#include <vector>

namespace inetd::ctl {

// A word of inetd.conf(5): quoted if it has to be. Nothing can hold a line feed there.
[[nodiscard]] std::string conf_word(std::string_view word);

// A list of strings of inetd.cfg(5): ["a", "b"].
[[nodiscard]] std::string cfg_list(const std::vector<std::string>& items);

// The two files, with what was lost as comments.
[[nodiscard]] std::string conf_text(const Imported& imported);
[[nodiscard]] std::string cfg_text(const Imported& imported);

// What was lost, a line each.
[[nodiscard]] std::string notices_text(const Imported& imported);

} // namespace inetd::ctl
