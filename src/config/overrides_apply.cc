#include "config/overrides.h"

#include <algorithm>
#include <fmt/core.h>

namespace inetd {

static bool stands_on(const ServiceConfig& service, const std::string& address) {
    return std::any_of(service.listen.begin(), service.listen.end(), [&](const ListenSpec& spec) {
        if (!spec.address.is_ip()) return false;
        return address == "*" ? spec.address.is_wildcard() : spec.address.host() == address;
    });
}

bool Overrides::Entry::matches(const Draft& draft) const {
    return (protocol.empty() || protocol == draft.terms.protocol) &&
           (address.empty() || stands_on(draft.config, address));
}

// "ftp/tcp at 127.0.0.1"
std::string Overrides::Entry::text() const {
    return fmt::format("{}{}{}", quoted(protocol.empty() ? name : name + "/" + protocol),
                       address.empty() ? "" : " at ", address);
}

void Overrides::assign(Entry& entry, Draft& draft) {
    entry.matched = true;
    for (Assignment& assignment : entry.assignments) {
        const ServiceKey& key = service_keys()[assignment.key];
        key.set(draft, assignment.value);
        const Setting& setting = *assignment.setting;
        if (key.name == "redirect") draft.redirect_at = &setting;
        note_origin(draft, key.name, {Origin::Kind::entry, setting.source->name(), setting.line});
    }
}

bool Overrides::apply(Draft& draft) {
    if (entries_.empty()) return true;
    const std::string& name = draft.config.name;
    seen_.push_back(name);
    std::vector<std::size_t> chosen;
    for (const std::string& called : {name, draft.id()}) {
        const auto [from, to] = by_name_.equal_range(called);
        for (auto item = from; item != to; ++item)
            if (entries_[item->second].matches(draft)) chosen.push_back(item->second);
    }
    std::sort(chosen.begin(), chosen.end());
    bool good = true;
    const Setting* limit = nullptr;
    const Setting* place = nullptr;
    for (const std::size_t index : chosen) {
        assign(entries_[index], draft);
        good = entries_[index].good && good;
    }
    // Only now is it known whether the service has a limit that can overflow.
    for (const std::size_t index : chosen) {
        for (Assignment& assignment : entries_[index].assignments) {
            const ServiceKey& key = service_keys()[assignment.key];
            const char* problem = lacks_effect(key.effect, draft.config, draft.terms);
            assignment.effective = assignment.effective || problem == nullptr;
            if (problem != nullptr)
                assignment.idle_on = fmt::format("{}, which {}", draft.id(), problem);
            if (key.name == "per_source" || (key.name == "instances" && limit == nullptr))
                limit = assignment.setting;
            if (is_about_places(key.name)) place = assignment.setting;
        }
    }
    warn_contradiction(draft.terms.limits, limit, " of " + draft.id());
    return check_places(draft.surroundings, place) && good;
}

void Overrides::report_missing(const Entry& entry) const {
    const auto is_this = [&](const std::string& seen) {
        return seen == entry.name || (seen != "tcpmux" && entry.name.starts_with(seen + "/")) ||
               seen.ends_with(":" + entry.name);
    };
    if (std::any_of(excused_.begin(), excused_.end(), is_this)) return;
    if (std::any_of(seen_.begin(), seen_.end(), is_this)) {
        entry.setting->error(fmt::format("no service is {}", entry.text()),
                             "'protocol' and 'address' must be those of a line of inetd.conf");
        return;
    }
    entry.setting->error(fmt::format("no service is named {}", quoted(entry.name)),
                         suggestion(entry.name, {seen_.begin(), seen_.end()},
                                    "write the name as inetd.conf has it"));
}

void Overrides::finish() {
    for (const Entry& entry : entries_) {
        if (!entry.matched) {
            report_missing(entry);
            continue;
        }
        for (const Assignment& assignment : entry.assignments)
            if (!assignment.effective)
                assignment.setting->warning(fmt::format(
                    "'{}' has no effect on {}", assignment.setting->name, assignment.idle_on));
    }
}

} // namespace inetd
