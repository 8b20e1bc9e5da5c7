#include "builtin/ident_line.h"

#include "base/text.h"
#include "config/model.h"

#include <array>
#include <fmt/core.h>

namespace inetd {

bool IdentQuery::valid() const {
    const auto is_port = [](std::uint32_t number) { return number >= 1 && number <= 65535; };
    return is_port(local) && is_port(remote);
}

static std::optional<std::uint32_t> number_of(std::string_view text) {
    return to_number<std::uint32_t>(trimmed(text), 0, UINT32_MAX);
}

std::optional<IdentQuery> parse_ident_query(std::string_view line) {
    const auto comma = line.find(',');
    if (comma == std::string_view::npos) return std::nullopt;
    const auto local = number_of(line.substr(0, comma));
    const auto remote = number_of(line.substr(comma + 1));
    if (!local || !remote) return std::nullopt;
    return IdentQuery{*local, *remote};
}

static std::string who(uid_t owner, const IdentOptions& options) {
    const auto found = options.names.find(owner);
    if (options.reveal == IdentOptions::Reveal::name && found != options.names.end())
        return found->second;
    return fmt::format("{}", owner);
}

std::string ident_answer(const IdentQuery& query, std::optional<uid_t> owner,
                         const IdentOptions& options) {
    const auto answer = [&](std::string_view kind, std::string_view text) {
        return fmt::format("{} , {} : {} : {}\r\n", query.local, query.remote, kind, text);
    };
    const auto user = [&](std::string_view name) {
        return answer("USERID", fmt::format("{} : {}", options.system, name));
    };
    if (!query.valid()) return answer("ERROR", "INVALID-PORT");
    const bool told = owner && options.reveal != IdentOptions::Reveal::nothing;
    if (told) return user(who(*owner, options));
    if (!options.fallback.empty()) return user(options.fallback);
    return answer("ERROR", owner ? "HIDDEN-USER" : "NO-USER");
}

std::optional<std::string> parse_ident_answer(std::string_view line, const IdentQuery& query) {
    std::array<std::string_view, 3> fields; // the ports, USERID, the system
    for (std::string_view& field : fields) {
        const auto colon = line.find(':');
        if (colon == std::string_view::npos) return std::nullopt;
        field = trimmed(line.substr(0, colon));
        line.remove_prefix(colon + 1);
    }
    const auto ports = parse_ident_query(fields[0]);
    if (!ports || ports->local != query.local || ports->remote != query.remote) return std::nullopt;
    const std::string_view user = trimmed(line);
    if (fields[1] != "USERID" || user.empty() || user.size() > kLongestIdentUser ||
        user.find('\0') != std::string_view::npos)
        return std::nullopt;
    return std::string(user);
}

} // namespace inetd
