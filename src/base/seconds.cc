#include "base/seconds.h"

namespace inetd {

std::string seconds_text(std::chrono::nanoseconds span) {
    const auto all = std::chrono::round<std::chrono::milliseconds>(span).count();
    const std::string fraction = std::to_string(all % 1000);
    return std::to_string(all / 1000) + "." + std::string(3 - fraction.size(), '0') + fraction +
           " s";
}

} // namespace inetd
