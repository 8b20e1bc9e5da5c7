#include "config/targets.h"

#include "base/text.h"
#include "config/source.h"

#include <fmt/core.h>

namespace inetd {

using Found = Lookup<std::shared_ptr<const RelayTarget>>;

static constexpr std::string_view kBlanks = " \t";

std::optional<TargetText> parse_target(std::string_view text) {
    if (text.starts_with('/') || text.starts_with('@')) {
        if (text.size() < 2) return std::nullopt;
        return TargetText{.host = {}, .port = std::string(text)};
    }
    std::string_view host;
    std::string_view port;
    const auto blank = text.find_first_of(kBlanks);
    const auto after = text.find_first_not_of(kBlanks, blank);
    const auto colon = text.rfind(':');
    if (blank != std::string_view::npos && after != std::string_view::npos) {
        host = text.substr(0, blank);
        port = text.substr(after);
    } else if (blank == std::string_view::npos && colon != std::string_view::npos) {
        host = text.substr(0, colon);
        port = text.substr(colon + 1);
        // "::1:80" may be an address as a whole.
        if (host.find(':') != std::string_view::npos && !host.starts_with('[')) return std::nullopt;
    }
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    if (host.empty() || port.empty() || host.find_first_of("[]/@") != std::string_view::npos ||
        port.find_first_of(" \t:[]/") != std::string_view::npos)
        return std::nullopt;
    return TargetText{.host = std::string(host), .port = std::string(port)};
}

static Found problem(std::string text, std::string hint = {}) {
    return {.value = nullptr, .problem = std::move(text), .hint = std::move(hint)};
}

static Found target(const std::string& text, std::vector<SocketAddress> addresses) {
    return {.value = std::make_shared<const RelayTarget>(
                RelayTarget{.text = text, .addresses = std::move(addresses)}),
            .problem = {},
            .hint = {}};
}

Found Targets::look_up(const std::string& text) {
    const auto words = parse_target(text);
    if (words->host.empty()) {
        const auto address = SocketAddress::unix_path(words->port);
        if (address) return target(text, {*address});
        return problem(fmt::format("{} is too long for a unix socket", quoted(words->port)));
    }
    std::uint16_t port = 0;
    if (words->port.find_first_not_of("0123456789") == std::string::npos) {
        port = to_number<std::uint16_t>(words->port, 1, 65535).value_or(0);
        if (port == 0)
            return problem(fmt::format("{} is not a port number", quoted(words->port)),
                           "ports are numbers from 1 to 65535");
    } else {
        const auto found = ports_.find(words->port, "tcp", "tcp");
        if (!found.found()) return problem(found.problem, found.hint);
        port = found.value;
    }
    const auto& host = hosts_.find(words->host);
    if (!host.found()) return problem(host.problem, host.hint);
    std::vector<SocketAddress> addresses = host.value;
    for (SocketAddress& address : addresses)
        address.set_port(port);
    return target(text, std::move(addresses));
}

const Found& Targets::find(const std::string& text) {
    const auto at = known_.find(text);
    if (at != known_.end()) return at->second;
    return known_.emplace(text, look_up(text)).first->second;
}

} // namespace inetd
