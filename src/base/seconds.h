#pragma once

#include <chrono>

namespace inetd {

// For messages.
inline double seconds(std::chrono::duration<double> span) {
    return span.count();
}

} // namespace inetd
