#pragma once

#include <cstddef>

namespace inetd {

// How many descriptors this process has open, as /proc says; 0 if it does not.
[[nodiscard]] std::size_t count_descriptors();

} // namespace inetd
