#include "config/access.h"

#include <tuple>

namespace inetd {

static bool same(const AccessEntries& a, const AccessEntries& b) {
    return a == b || (a && b && *a == *b);
}

bool operator==(const AccessConfig& a, const AccessConfig& b) {
    return same(a.only_from, b.only_from) && same(a.no_access, b.no_access) && a.times == b.times &&
           a.max_load == b.max_load && a.libwrap == b.libwrap;
}

static std::strong_ordering order(const AccessEntries& a, const AccessEntries& b) {
    if (a == b) return std::strong_ordering::equal;
    if (!a || !b) return a ? std::strong_ordering::greater : std::strong_ordering::less;
    return *a <=> *b;
}

std::partial_ordering operator<=>(const AccessConfig& a, const AccessConfig& b) {
    if (const auto from = order(a.only_from, b.only_from); std::is_neq(from)) return from;
    if (const auto no = order(a.no_access, b.no_access); std::is_neq(no)) return no;
    return std::tie(a.times, a.max_load, a.libwrap) <=> std::tie(b.times, b.max_load, b.libwrap);
}

} // namespace inetd
