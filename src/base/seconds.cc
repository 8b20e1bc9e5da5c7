#include "base/seconds.h"

#include <algorithm>
#include <cstdint>

namespace inetd {

std::string seconds_text(std::chrono::nanoseconds span) {
    // A clock of another process may be ahead of ours.
    const auto all =
        std::max<std::int64_t>(std::chrono::round<std::chrono::milliseconds>(span).count(), 0);
    const std::string fraction = std::to_string(all % 1000);
    return std::to_string(all / 1000) + "." + std::string(3 - fraction.size(), '0') + fraction +
           " s";
}

} // namespace inetd
