#pragma once

#include "config/settings.h"

#include <optional>
#include <string>
#include <string_view>

namespace inetd {

// The value of a setting in a message: "7", "'text'", "a list".
[[nodiscard]] std::string shown(const Setting& setting);

// Reports "'umask' takes EXPECTED, not 888".
std::nullopt_t wrong_value(const Setting& setting, std::string_view expected,
                           std::string hint = {});

// Reports that `given`, a member of the group `setting` or an item of it, is none of `known`.
void unknown_member(const Setting& setting, const Setting& given,
                    const std::vector<std::string_view>& known);

// True, and reported, if libconfig has cut the number.
bool is_cut(const Setting& setting);

} // namespace inetd
