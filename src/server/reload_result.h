#pragma once

#include "config/diagnostic.h"

#include <cstddef>
#include <cstdint>
#include <string>

namespace inetd {

// What came of a reload.
struct ReloadResult {
    bool applied = false;
    bool anew = false; // once the daemon has been executed anew, which comes at once
    std::string text;  // one sentence, as in the log
    Diagnostics diagnostics;
    std::size_t added = 0; // services
    std::size_t removed = 0;
    std::size_t updated = 0;
    std::size_t unchanged = 0;
};

// Of all reloads since the start, over changes of the binary.
struct ReloadCounts {
    std::uint64_t applied = 0;
    std::uint64_t refused = 0;
};

} // namespace inetd
