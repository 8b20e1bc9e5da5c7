#include "config/access_check.h"

#include "config/keys.h"

#include <algorithm>
#include <fmt/core.h>

namespace inetd {

using Kind = AccessEntry::Kind;

static bool is_name(const AccessEntry& entry) {
    return entry.kind == Kind::host || entry.kind == Kind::domain;
}

static bool is_id(const AccessEntry& entry) {
    return entry.kind == Kind::user || entry.kind == Kind::group;
}

static bool is_datagram(const ServiceConfig& service) {
    return !service.listen.empty() && service.listen.front().type == SOCK_DGRAM;
}

// A datagram does not wait for a name, and tells of no user.
static bool check_datagrams(const Source& source, const ServiceLine& line, const char* key,
                            const AccessEntries& entries) {
    const auto wrong = std::find_if(entries->begin(), entries->end(), [](const auto& entry) {
        return is_name(entry) || is_id(entry);
    });
    if (wrong == entries->end()) return true;
    source.error(line.service.at,
                 fmt::format("'{}' has {}, but of datagrams the address alone is known", key,
                             quoted(wrong->text)),
                 "give this service a list of addresses and networks in inetd.cfg");
    return false;
}

static bool can_match(const AccessEntry& entry, const Draft& draft) {
    if (entry.kind == Kind::everybody) return true;
    const ServiceConfig& service = draft.config;
    // A balancer speaks for clients of IP over whatever socket.
    const bool ip = service.listen.empty() || draft.terms.proxy_protocol ||
                    service.listen.front().address.is_ip();
    const bool local = service.listen.empty() || !service.listen.front().address.is_ip();
    return is_id(entry) ? local : ip;
}

static void warn_of_nobody(const Source& source, const ServiceLine& line, const Draft& draft) {
    const AccessEntries& entries = draft.terms.access.only_from;
    if (!entries || entries->empty() ||
        std::any_of(entries->begin(), entries->end(),
                    [&](const auto& entry) { return can_match(entry, draft); }))
        return;
    const bool ip = draft.config.listen.front().address.is_ip();
    source.warning(line.service.at,
                   fmt::format("'only_from' lets nobody in: none of it is about clients of {}",
                               ip ? "IP" : "a unix socket"),
                   ip ? "list addresses, networks or names"
                      : R"(list users and groups, as in "uid:root" or "gid:adm", or "*")");
}

static void warn_of_defaults(const Source& source, const ServiceLine& line, const Draft& draft,
                             const AccessConfig& all) {
    const AccessConfig& own = draft.terms.access;
    const auto warn = [&](const char* key, Effect effect, bool inherited) {
        const char* problem = inherited ? lacks_effect(effect, draft.config, draft.terms) : nullptr;
        if (problem == nullptr) return;
        source.warning(line.service.at,
                       fmt::format("'{}' of 'defaults' has no effect on {}, which {}", key,
                                   draft.id(), problem));
    };
    warn("only_from", Effect::screened, all.only_from && own.only_from == all.only_from);
    warn("no_access", Effect::screened, all.no_access && own.no_access == all.no_access);
    warn("access_times", Effect::screened, !all.times.empty() && own.times == all.times);
    warn("max_load", Effect::screened, all.max_load != 0 && own.max_load == all.max_load);
    warn("libwrap", Effect::wrapped, all.libwrap && own.libwrap);
}

bool check_access(const Source& source, const ServiceLine& line, const Draft& draft,
                  const AccessConfig& base) {
    const AccessConfig& access = draft.terms.access;
    if (access.empty()) return true;
    warn_of_defaults(source, line, draft, base);
    if (lacks_effect(Effect::screened, draft.config, draft.terms) != nullptr) return true;
    bool good = true;
    if (is_datagram(draft.config)) {
        if (access.only_from) good = check_datagrams(source, line, "only_from", access.only_from);
        if (access.no_access)
            good = check_datagrams(source, line, "no_access", access.no_access) && good;
    }
    if (good) warn_of_nobody(source, line, draft);
    return good;
}

} // namespace inetd
