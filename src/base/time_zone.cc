#include "base/time_zone.h"

#include <cstdlib>
#include <ctime>
#include <optional>
#include <string>

namespace inetd {

// The C library reads a file once for as long as TZ says the same, and /etc/localtime anew only if
// its inode or the second of its change is another. So another zone comes in between.
void reread_time_zone() {
    const char* name = std::getenv("TZ");
    const auto kept = name != nullptr ? std::optional<std::string>(name) : std::nullopt;
    setenv("TZ", "UTC0", 1);
    tzset();
    if (kept)
        setenv("TZ", kept->c_str(), 1);
    else
        unsetenv("TZ");
    tzset();
}

} // namespace inetd
