#pragma once

#include "config/load.h"

#include <string>
#include <vector>

namespace inetd {

// How the daemon was started, to start its successor in the same way.
struct Invocation {
    std::string program;                // the file, absolute
    std::vector<std::string> arguments; // argv, without what only a successor is told
    std::string directory;              // what relative names in them are relative to
};

// What the command line says; most of it lies beneath the files.
struct Options {
    LoadOptions load;
    bool foreground = false;
    bool debug = false;
    Invocation invocation;
};

} // namespace inetd
