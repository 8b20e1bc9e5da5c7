#pragma once

#include "base/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace inetd {

// The words that a key takes, listed or judged by `fits`, and whether the path of a file may stand
// in their place.
struct Words {
    std::string_view text; // of messages: "\"queue\" or \"refuse\""
    std::vector<std::string_view> (*all)();
    bool or_file = false;
    bool (*fits)(std::string_view) = nullptr; // instead of a list

    [[nodiscard]] bool contain(const std::string& word) const;
};

extern const Words kLogTargets;
extern const Words kLogFacilities;
extern const Words kLogLevels;
extern const Words kErrorTargets; // of the standard error of servers
extern const Words kFile;         // none: just a file
extern const Words kRelayTargets;
extern const Words kControlPaths;

// Error: a file cannot stand there. It need not be there yet.
[[nodiscard]] Result<void> check_place(const std::string& path);

} // namespace inetd
