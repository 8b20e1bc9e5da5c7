#pragma once

#include "base/fd.h"

#include <string>

namespace inetd {

// A descriptor that somebody hands over, and what he calls it.
struct NamedFd {
    Fd fd;
    std::string name;
};

} // namespace inetd
