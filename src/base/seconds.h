#pragma once

#include <chrono>
#include <string>

namespace inetd {

// For messages.
inline double seconds(std::chrono::duration<double> span) {
    return span.count();
}

// "0.042 s", to the nearest millisecond; none where it is negative.
std::string seconds_text(std::chrono::nanoseconds span);

} // namespace inetd
