#pragma once

#include "config/load.h"

namespace inetd {

// What the command line says; most of it lies beneath the files.
struct Options {
    LoadOptions load;
    bool foreground = false;
    bool debug = false;
};

} // namespace inetd
