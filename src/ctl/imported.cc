#include "ctl/imported.h"

#include <fmt/format.h>
#include <map>

namespace inetd::ctl {

static const char* kind_text(Notice::Kind kind) {
    switch (kind) {
    case Notice::Kind::error:
        return "error";
    case Notice::Kind::missing:
        return "no counterpart";
    case Notice::Kind::approximate:
        break;
    }
    return "approximated";
}

std::string Notice::full(const std::string& service) const {
    std::string out = file;
    if (line != 0) out += fmt::format(":{}", line);
    for (const std::string& part : {service, subject})
        if (!part.empty()) out += ": " + part;
    return out + fmt::format(": {}: {}", kind_text(kind), text);
}

void leave_out_clashes(Imported& imported) {
    std::map<std::string, ImportedService*> taken;
    for (const bool enabled : {true, false}) {
        for (ImportedService& service : imported.services) {
            if (!service.left_out.empty() || service.enabled != enabled) continue;
            const std::string key = fmt::format("{} {} {}", fmt::join(service.addresses, ","),
                                                service.name, service.protocol);
            const auto [at, is_new] = taken.emplace(key, &service);
            if (is_new) continue;
            service.left_out = fmt::format("the same as {}:{}", at->second->file, at->second->line);
            if (enabled)
                service.notices.push_back({Notice::Kind::error,
                                           service.file,
                                           service.line,
                                           {},
                                           "left out, for it is " + service.left_out});
        }
    }
}

} // namespace inetd::ctl
