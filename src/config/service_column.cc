#include "base/text.h"
#include "config/columns.h"
#include "config/model.h"

#include <algorithm>
#include <charconv>
#include <fmt/core.h>

namespace inetd {

// RFC 1078 sets no limit; a name and its line end fit one buffer of any client in use.
static constexpr std::size_t kLongestMuxName = 256;

bool parse_hosts(const Source& source, const Token& list, std::vector<Token>& hosts) {
    bool good = true;
    std::size_t at = 0;
    for (const std::string_view piece : split(list.text, ',')) {
        Token host = list.part(at, piece.size());
        at += piece.size() + 1;
        const bool opens = piece.starts_with('[');
        const bool closes = piece.ends_with(']');
        if (opens && closes) host = host.part(1, piece.size() - 2);
        if (host.text.empty() || opens != closes ||
            host.text.find_first_of("[]") != std::string::npos) {
            source.error(host.at, fmt::format("{} is not an address", quoted(piece)),
                         "addresses are written 192.0.2.1, [2001:db8::1], a host's name or *");
            good = false;
            continue;
        }
        hosts.push_back(std::move(host));
    }
    return good;
}

std::optional<std::vector<Token>> parse_default_hosts(const Source& source, const Line& tokens) {
    if (tokens.size() != 1) return std::nullopt;
    const Token& token = tokens.front();
    // "::" is an address, which would need its own colon: "[::]:" or ":::".
    if (token.text.size() < 2 || token.text.back() != ':' || token.text.front() == '/')
        return std::nullopt;
    std::vector<Token> hosts;
    if (!parse_hosts(source, token.part(0, token.text.size() - 1), hosts)) hosts.clear();
    return hosts;
}

static bool read_mode(const Source& source, const Token& token, std::optional<mode_t>& mode) {
    unsigned value = 0200; // FreeBSD's, where the mode is left out
    const char* end = token.text.data() + token.text.size();
    if (!token.text.empty()) {
        const auto [stop, error] = std::from_chars(token.text.data(), end, value, 8);
        if (error != std::errc{} || stop != end || value > 0777) {
            source.error(token.at, fmt::format("{} is not a mode", quoted(token.text)),
                         "a mode is an octal number up to 0777");
            return false;
        }
    }
    mode = value;
    return true;
}

// FreeBSD's ":user:group:mode:/path". Nothing if the text is of another form, as "::1:ftp" is.
static std::optional<bool> read_owned_path(const Source& source, const Token& token,
                                           ServiceLine& line) {
    const std::string& text = token.text;
    std::size_t path = 1;
    std::vector<Token> pieces;
    while (pieces.size() < 3) {
        const auto colon = text.find(':', path);
        if (colon == std::string::npos) return std::nullopt;
        pieces.push_back(token.part(path, colon - path));
        path = colon + 1;
    }
    if (path == text.size() || (text[path] != '/' && text[path] != '@')) return std::nullopt;
    if (text[path] == '@') {
        source.error(token.position(path), "an abstract socket has neither owner nor mode",
                     fmt::format("write {}", quoted(text.substr(path))));
        return false;
    }
    line.socket_owner = pieces[0];
    line.socket_group = pieces[1];
    line.service = token.part(path);
    return read_mode(source, pieces[2], line.socket_mode);
}

static bool read_mux(const Source& source, const Token& token, ServiceLine& line) {
    line.service = token;
    std::string_view name = std::string_view(token.text).substr(kMuxPrefix.size());
    line.mux_greets = name.starts_with('+');
    if (line.mux_greets) name.remove_prefix(1);
    line.mux_name = name;
    const Position at = token.position(kMuxPrefix.size());
    if (name.empty() || name.size() > kLongestMuxName) {
        source.error(
            at, fmt::format("a tcpmux service has a name of 1 to {} characters", kLongestMuxName));
        return false;
    }
    for (const char c : name) {
        if (c > ' ' && c <= '~') continue;
        source.error(at, fmt::format("{} is not a name for tcpmux", quoted(name)),
                     "RFC 1078 allows printable ASCII characters");
        return false;
    }
    if (equal_but_for_case(name, "help")) {
        source.error(at, "tcpmux answers HELP itself with the list of its services");
        return false;
    }
    return true;
}

static bool check_port(const Source& source, const Token& token) {
    const std::string& text = token.text;
    if (text.find_first_not_of("0123456789") != std::string::npos) return true;
    if (to_number<std::uint32_t>(text, 0, UINT32_MAX)) return true; // the protocol knows the range
    source.error(token.at, fmt::format("{} is not a port number", quoted(text)),
                 "ports are numbers from 1 to 65535");
    return false;
}

bool read_service(const Source& source, const Token& token, ServiceLine& line) {
    const std::string& text = token.text;
    line.service = token;
    if (text.starts_with('/') || text.starts_with('@')) return true;
    if (text.starts_with(kMuxPrefix)) return read_mux(source, token, line);
    if (text.starts_with(':')) {
        if (const auto owned = read_owned_path(source, token, line)) return *owned;
    }

    // A path may hold colons, a port may not.
    auto colon = std::min(text.find(":/"), text.find(":@"));
    if (colon == std::string::npos) colon = text.rfind(':');
    const auto bracket = text.rfind(']');
    if (colon == std::string::npos || (bracket != std::string::npos && bracket > colon)) {
        if (text.empty() || bracket != std::string::npos) {
            source.error(token.at, fmt::format("{} is not a service", quoted(text)),
                         "a service is a name, a port, a path, or 'address:' before one of these");
            return false;
        }
        return check_port(source, token);
    }
    const Token prefix = token.part(0, colon);
    line.service = token.part(colon + 1);
    if (line.service.text.empty()) {
        source.error(token.at, fmt::format("no service follows {}", quoted(text)),
                     "write address and service as one word, as in '127.0.0.1:ftp'");
        return false;
    }
    const char first = line.service.text.front();
    if (first == '/' || first == '@' || line.service.text.starts_with(kMuxPrefix)) {
        source.error(prefix.at, fmt::format("{} cannot have an address", quoted(line.service.text)),
                     fmt::format("remove {}", quoted(prefix.text + ":")));
        return false;
    }
    const bool hosts = parse_hosts(source, prefix, line.hosts);
    return check_port(source, line.service) && hosts;
}

} // namespace inetd
