#include "config/access.h"

namespace inetd {

static bool same(const AccessEntries& a, const AccessEntries& b) {
    return a == b || (a && b && *a == *b);
}

bool operator==(const AccessConfig& a, const AccessConfig& b) {
    return same(a.only_from, b.only_from) && same(a.no_access, b.no_access) && a.times == b.times &&
           a.max_load == b.max_load && a.libwrap == b.libwrap;
}

} // namespace inetd
