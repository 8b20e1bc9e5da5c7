#include "base/result.h"

#include <cerrno>
#include <system_error>

namespace inetd {

std::string Error::text() const {
    if (code == 0) return what;
    return what + ": " + std::generic_category().message(code);
}

Error errno_error(std::string what) {
    return {std::move(what), errno};
}

} // namespace inetd
