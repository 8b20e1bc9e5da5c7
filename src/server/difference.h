#pragma once

#include "config/model.h"

#include <string>
#include <vector>

namespace inetd {

// What a reload would do to one service.
struct Change {
    enum class Kind { added, removed, changed };
    struct Value {
        std::string key;    // of inetd.cfg(5), or "listen", "type", "wait", "user", "program", ...
        std::string before; // empty = it is not set
        std::string after;
    };
    Kind kind = Kind::added;
    ServiceConfigPtr config;   // that it will have; if it is removed, that it has
    std::vector<Value> values; // only of what is changed
};

// Those that a reload would leave as they are are left out.
[[nodiscard]] std::vector<Change> difference(const std::vector<ServiceConfigPtr>& running,
                                             const std::vector<ServiceConfigPtr>& wanted);

} // namespace inetd
