#include "config/overlap.h"

#include <algorithm>
#include <fmt/core.h>
#include <netinet/in.h>

namespace inetd {

// Multipath TCP takes its ports from those of TCP: to a client that knows no better it is TCP.
static int port_space(int protocol) {
    return protocol == IPPROTO_MPTCP ? IPPROTO_TCP : protocol;
}

static std::pmr::string socket_key(const ListenSpec& spec) {
    std::pmr::string key(reinterpret_cast<const char*>(spec.address.data()), spec.address.size());
    // unix(7): one path is one socket, whatever its type.
    const int protocol = spec.address.family() == AF_UNIX ? 0 : port_space(spec.protocol);
    key += fmt::format("/{}", protocol);
    return key;
}

// RFC 1078: the names of services are not case sensitive.
static std::pmr::string mux_key(const ServiceConfig& config) {
    std::pmr::string key(config.name);
    std::transform(key.begin(), key.end(), key.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return key;
}

static std::string place(const ServiceConfig& config) {
    return fmt::format("{}:{}", config.terms->file, config.line);
}

const ServiceConfig* Overlap::twin(const ServiceConfig& config, std::string& what) const {
    if (!config.mux_name().empty()) {
        const auto at = taken_.find(mux_key(config));
        what = config.name;
        return at == taken_.end() ? nullptr : at->second.get();
    }
    for (const ListenSpec& spec : config.listen) {
        const auto at = taken_.find(socket_key(spec));
        if (at == taken_.end()) continue;
        what = fmt::format("{} at {}", config.id(), spec.address.to_string());
        return at->second.get();
    }
    return nullptr;
}

// A service that has a socket on account of which the kernel will not bind `spec`.
const ServiceConfig* Overlap::rival(const ListenSpec& spec) const {
    const auto use_of = [&](int family) -> const PortUse& {
        static const PortUse kUnused;
        const auto at = ports_.find({family, port_space(spec.protocol), spec.address.port()});
        return at == ports_.end() ? kUnused : at->second;
    };
    const PortUse& own = use_of(spec.address.family());
    if (own.wildcard != nullptr) return own.wildcard.get();
    if (spec.address.is_wildcard() && own.specific != nullptr) return own.specific.get();
    if (spec.address.family() == AF_INET) return use_of(AF_INET6).dual_stack.get();
    if (!spec.dual_stack) return nullptr;
    const PortUse& v4 = use_of(AF_INET);
    return v4.wildcard != nullptr ? v4.wildcard.get() : v4.specific.get();
}

void Overlap::check_port(const Source& source, Position at, const ServiceConfigPtr& config,
                         const ListenSpec& spec) {
    if (spec.type == SOCK_RAW || spec.address.port() == 0) return;
    const ServiceConfig* other = rival(spec);
    if (other != nullptr && other != config.get())
        source.warning(at,
                       fmt::format("{} overlaps with {} of {}, and Linux binds just one of them",
                                   spec.address.to_string(), other->id(), place(*other)),
                       "give each of them its own addresses, or one service all of them");
    PortUse& use = ports_[{spec.address.family(), port_space(spec.protocol), spec.address.port()}];
    ServiceConfigPtr& first = spec.address.is_wildcard() ? use.wildcard : use.specific;
    if (first == nullptr) first = config;
    if (spec.dual_stack && use.dual_stack == nullptr) use.dual_stack = config;
}

bool Overlap::add(const Source& source, Position at, const ServiceConfigPtr& config) {
    std::string what;
    if (const ServiceConfig* first = twin(*config, what)) {
        source.error(at, fmt::format("{} is a duplicate of {}", what, place(*first)));
        return false;
    }
    if (!config->mux_name().empty()) {
        taken_.emplace(mux_key(*config), config);
        if (!orphan_)
            orphan_ = source.diagnostic(Diagnostic::Severity::warning, at,
                                        fmt::format("nothing listens for {}", config->name),
                                        "add 'tcpmux stream tcp nowait root internal'");
    }
    has_mux_ = has_mux_ || config->builtin == Builtin::tcpmux;
    for (const ListenSpec& spec : config->listen) {
        check_port(source, at, config, spec);
        taken_.emplace(socket_key(spec), config);
    }
    return true;
}

std::optional<Diagnostic> Overlap::orphan() const {
    return has_mux_ ? std::nullopt : orphan_;
}

} // namespace inetd
