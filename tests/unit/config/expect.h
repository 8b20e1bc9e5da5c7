#pragma once

#include "dump.h"

#include <doctest/doctest.h>
#include <unistd.h>
#include <vector>

namespace inetd::test {

struct Expectation {
    const char* text; // a configuration that is called "t"
    const char* dump; // what comes of it
};

// On a machine that has IPv6; what needs root to be allowed is left out for others.
inline void check_all(const std::vector<Expectation>& expectations) {
    LoadOptions options;
    options.ipv6 = true;
    for (const Expectation& expected : expectations) {
        const std::string text = expected.text;
        const bool programs =
            text.find("internal") == std::string::npos || text.find("/bin/") != std::string::npos;
        if (geteuid() != 0 && programs) continue;
        CAPTURE(text);
        CHECK(dump(load_config_text(text, "t", options)) == std::string(expected.dump));
    }
}

} // namespace inetd::test
