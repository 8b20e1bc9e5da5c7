#include "config/effective.h"

#include "base/text.h"
#include "config/keys.h"

#include <algorithm>
#include <fmt/core.h>
#include <string_view>

namespace inetd {

// Where the comments begin, if the values are not longer.
static constexpr int kComment = 40;

static std::string origin_text(const Origin& origin) {
    const auto at = [&](std::string_view what) {
        return fmt::format("{}, {}:{}", what, origin.file, origin.line);
    };
    switch (origin.kind) {
    case Origin::Kind::built_in:
        break;
    case Origin::Kind::command_line:
        return "command line";
    case Origin::Kind::daemon:
        return at("daemon");
    case Origin::Kind::defaults:
        return at("defaults");
    case Origin::Kind::line:
        return at("line");
    case Origin::Kind::entry:
        return at("services");
    }
    return "built in";
}

static std::string assignment(int indent, std::string_view name, const std::string& value,
                              const Origin& origin) {
    // A key without a value is said all the same: there is one, even if no file can set it back.
    const std::string text =
        value.empty() ? fmt::format("# {} is not set", name) : fmt::format("{} = {};", name, value);
    return fmt::format("{:{}}{:<{}} # {}\n", "", indent, text, kComment - indent,
                       origin_text(origin));
}

static Origin origin_of(const ServiceConfig& service, std::size_t key) {
    const Origins& origins = *service.terms->origins;
    const auto own = std::find_if(origins.own.begin(), origins.own.end(),
                                  [&](const auto& item) { return item.key == key; });
    if (own == origins.own.end()) return (*origins.base)[key];
    Origin origin = own->origin;
    if (origin.kind == Origin::Kind::line) {
        origin.file = service.terms->file;
        origin.line = service.line;
    }
    return origin;
}

std::vector<EffectiveValue> effective_values(const ServiceConfig& service) {
    const ServiceTerms& terms = *service.terms;
    const Draft draft{.config = service,
                      .terms = terms,
                      .surroundings = *terms.surroundings,
                      .redirect = terms.relay ? terms.relay->text : std::string(),
                      .redirect_at = nullptr,
                      .enabled = true,
                      .origins = {}};
    std::vector<EffectiveValue> values;
    for (std::size_t i = 0; i < service_keys().size(); ++i) {
        const ServiceKey& key = service_keys()[i];
        if (lacks_effect(key.effect, service) != nullptr) continue;
        values.push_back({key.name, value_text(key.type.kind, key.get(draft)),
                          terms.origins ? origin_text(origin_of(service, i)) : "built in"});
    }
    return values;
}

static std::string comment_text(std::string text) {
    for (char& c : text)
        if (static_cast<unsigned char>(c) < ' ') c = '?';
    return text;
}

static std::string description(const ServiceConfig& service) {
    std::string text = fmt::format("{}:{}: {}", service.terms->file, service.line,
                                   service.wait ? "wait" : "nowait");
    for (const ListenSpec& spec : service.listen)
        text += fmt::format(" {}", spec.address.to_string());
    text += fmt::format(" {} {}", service.terms->account->user,
                        service.program != nullptr ? service.program->path : "internal");
    return comment_text(std::move(text));
}

static std::string service_text(const Draft& draft) {
    const ServiceConfig& service = draft.config;
    std::string out = fmt::format("  # {}\n  {{\n", description(service));
    out += fmt::format("    name = {};\n", string_literal(service.name));
    out += fmt::format("    protocol = {};\n", string_literal(service.terms->protocol));
    if (!service.listen.empty() && service.listen.front().address.is_ip()) {
        const SocketAddress& address = service.listen.front().address;
        out += fmt::format("    address = {};\n",
                           string_literal(address.is_wildcard() ? "*" : address.host()));
    }
    for (std::size_t i = 0; i < service_keys().size(); ++i) {
        const ServiceKey& key = service_keys()[i];
        if (lacks_effect(key.effect, service) != nullptr) continue;
        out += assignment(4, key.name, value_text(key.type.kind, key.get(draft)), draft.origins[i]);
    }
    return out + "  }";
}

std::string effective_text(const Loaded& loaded) {
    std::string out = "daemon = {\n";
    for (std::size_t i = 0; i < daemon_keys().size(); ++i) {
        const DaemonKey& key = daemon_keys()[i];
        out += assignment(2, key.name, value_text(key.type.kind, key.get(loaded.daemon)),
                          loaded.daemon_origins[i]);
    }
    out += "};\nservices = (\n";
    for (std::size_t i = 0; i < loaded.drafts.size(); ++i)
        out += service_text(loaded.drafts[i]) + (i + 1 < loaded.drafts.size() ? ",\n" : "\n");
    return out + ");\n";
}

} // namespace inetd
