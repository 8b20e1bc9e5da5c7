#include "config/resolve.h"

#include "config/access_check.h"
#include "config/ident_options.h"
#include "config/path_values.h"

#include <algorithm>
#include <fmt/core.h>
#include <unistd.h>

namespace inetd {

static Origin origin_of_line(const Draft& draft) {
    return {Origin::Kind::line, draft.terms.file, draft.config.line};
}

static bool set_socket(const Source& source, const ServiceLine& line, Draft& draft) {
    SocketOptions& socket = draft.terms.socket;
    const Origin own = origin_of_line(draft);
    const auto set = [&](auto& field, auto value, std::string_view key) {
        field = value;
        note_origin(draft, key, own);
    };
    if (line.send_buffer != 0) set(socket.send_buffer, line.send_buffer, "send_buffer");
    if (line.receive_buffer != 0) set(socket.receive_buffer, line.receive_buffer, "receive_buffer");
    if (line.socket_mode) set(socket.mode, *line.socket_mode, "socket_mode");
    bool good = true;
    if (!line.socket_owner.text.empty()) {
        const auto user = Accounts::find_user(line.socket_owner.text);
        good = user.found();
        if (good) set(socket.owner, user.value, "socket_user");
        if (!good) source.error(line.socket_owner.at, user.problem, user.hint);
    }
    if (!line.socket_group.text.empty()) {
        const auto group = Accounts::find_group(line.socket_group.text);
        if (group.found()) set(socket.group, group.value, "socket_group");
        if (!group.found()) source.error(line.socket_group.at, group.problem, group.hint);
        good = good && group.found();
    }
    return good;
}

bool Resolver::set_account(const Source& source, const ServiceLine& line, ServiceTerms& terms) {
    const auto& found = accounts_.find(
        line.user.text.empty() ? fmt::format("{}:{}", geteuid(), getegid()) : line.user.text);
    if (!found.found()) {
        source.error(line.user.at, found.problem, found.hint);
        return false;
    }
    terms.account = found.value;
    // What is built in runs in inetd itself, whoever the line names.
    if (geteuid() == 0 || line.internal()) return true;
    const Account& account = *found.value;
    if (account.uid == geteuid() && account.gid == getegid()) return true;
    const auto& own = accounts_.find(std::to_string(geteuid()));
    source.error(line.user.at,
                 fmt::format("only root can run a service as {}", quoted(line.user.text)),
                 own.found() ? fmt::format("write your own name, '{}'", own.value->user) : "");
    return false;
}

static Builtin builtin_of(const ServiceLine& line, const ServiceConfig& config) {
    if (!line.arguments.empty()) return builtin_by_name(line.arguments.front().text);
    const Builtin named = builtin_by_name(line.service.text);
    if (named != Builtin::none || config.listen.empty() || !line.is_ip()) return named;
    return builtin_by_port(static_cast<std::uint16_t>(config.listen.front().address.port()));
}

// "internal redirect HOST PORT": xinetd's words, as arguments.
static bool set_redirect(const Source& source, const ServiceLine& line, Draft& draft) {
    const Token& name = line.arguments.empty() ? line.service : line.arguments.front();
    if (line.type != SOCK_STREAM || line.transport == Transport::sctp) {
        source.error(name.at, "redirect relays byte streams: those of TCP and of unix sockets");
        return false;
    }
    if (line.arguments.size() < 2) return true;
    std::string text = line.arguments[1].text;
    if (line.arguments.size() == 3) text += " " + line.arguments[2].text;
    if (line.arguments.size() > 3 || !parse_target(text)) {
        source.error(line.arguments[1].at,
                     fmt::format("{} is not what redirect can lead to", quoted(text)),
                     fmt::format("write {}", kTargetForms));
        return false;
    }
    draft.redirect = std::move(text);
    draft.redirect_at = nullptr;
    note_origin(draft, "redirect", origin_of_line(draft));
    return true;
}

static bool set_ident(const Source& source, const ServiceLine& line, ServiceTerms& terms) {
    if (line.type != SOCK_STREAM || !line.is_ip()) {
        const Token& name = line.arguments.empty() ? line.service : line.arguments.front();
        source.error(name.at, "auth is a stream service of TCP", "write 'stream' and 'tcp'");
        return false;
    }
    terms.ident = read_ident_options(source, line);
    return terms.ident != nullptr;
}

static bool set_builtin(const Source& source, const ServiceLine& line, Draft& draft) {
    ServiceConfig& config = draft.config;
    const bool named = !line.arguments.empty();
    const Token& name = named ? line.arguments.front() : line.service;
    config.builtin = builtin_of(line, config);
    if (config.builtin == Builtin::none) {
        const std::string hint = builtin_hint(name.text);
        source.error(name.at, fmt::format("no built-in service is named {}", quoted(name.text)),
                     named ? hint : hint + "; name one after 'internal'");
        return false;
    }
    if (config.builtin == Builtin::redirect) return set_redirect(source, line, draft);
    if (config.builtin == Builtin::auth) return set_ident(source, line, draft.terms);
    if (line.arguments.size() > 1) {
        source.error(line.arguments[1].at, "a built-in service takes no arguments");
        return false;
    }
    if (config.builtin == Builtin::tcpmux && line.type != SOCK_STREAM) {
        source.error(name.at, "tcpmux is a stream service", "write 'stream' and 'tcp'");
        return false;
    }
    if (config.builtin == Builtin::metrics &&
        (line.type != SOCK_STREAM || line.transport == Transport::sctp)) {
        source.error(name.at, "metrics speaks HTTP over streams: those of TCP and of unix sockets");
        return false;
    }
    // CVE-1999-0103: a forged source address makes these two answer a third machine, without end.
    const bool reflects = config.builtin == Builtin::echo || config.builtin == Builtin::chargen;
    const bool open =
        std::any_of(config.listen.begin(), config.listen.end(), [](const ListenSpec& spec) {
            return spec.type == SOCK_DGRAM && spec.address.is_ip() && !spec.address.is_loopback();
        });
    if (reflects && open)
        source.warning(line.service.at,
                       "this datagram service can be made to flood others with its answers",
                       "give it a loopback address, as in '127.0.0.1:echo'");
    return true;
}

bool Resolver::set_program(const Source& source, const ServiceLine& line, Draft& draft) {
    if (line.internal()) return set_builtin(source, line, draft);
    ServiceConfig& config = draft.config;
    std::vector<std::string> argv;
    argv.reserve(std::max<std::size_t>(line.arguments.size(), 1));
    for (const Token& argument : line.arguments)
        argv.push_back(argument.text);
    if (argv.empty()) argv.push_back(base_name(line.program.text));
    config.program = programs_.share(line.program.text, std::move(argv));
    return true;
}

bool Resolver::check_program(const Source& source, const ServiceLine& line,
                             const Confinement& confinement) {
    if (line.internal()) return true;
    const std::string& program = line.program.text;
    const auto& checked = programs_.check(program, confinement.root);
    if (!checked.found()) {
        source.error(line.program.at, checked.problem, checked.hint);
        return false;
    }
    const PathRights& rights = confinement.landlock;
    if (rights.empty() || covers(confinement.root, rights, program)) return true;
    source.error(line.program.at,
                 fmt::format("program {} is below no path of 'landlock'", quoted(program)),
                 "without it, and its libraries, the server cannot start");
    return false;
}

bool Resolver::set_relay(const Source& source, const ServiceLine& line, Draft& draft) {
    if (draft.config.builtin != Builtin::redirect) return true;
    if (draft.redirect.empty()) {
        source.error(line.program.at, "redirect has nowhere to lead to",
                     "write 'internal redirect HOST PORT', or 'redirect' in inetd.cfg");
        return false;
    }
    const auto& found = targets_.find(draft.redirect);
    draft.terms.relay = found.value;
    if (found.found()) return true;
    if (draft.redirect_at != nullptr) {
        draft.redirect_at->error("'redirect': " + found.problem, found.hint);
    } else {
        source.error(line.arguments[1].at, "redirect: " + found.problem, found.hint);
    }
    return false;
}

static void set_limits(const ServiceLine& line, Draft& draft) {
    Limits& limits = draft.terms.limits;
    const Origin own = origin_of_line(draft);
    const auto set = [&](auto& field, auto value, std::string_view key) {
        field = value;
        note_origin(draft, key, own);
    };
    if (line.instances) set(limits.instances, *line.instances, "instances");
    if (line.per_source) set(limits.per_source, *line.per_source, "per_source");
    if (line.starts_per_minute) set(limits.rate, Rate::per_minute(*line.starts_per_minute), "rate");
    if (line.source_per_minute)
        set(limits.source_rate, Rate::per_minute(*line.source_per_minute), "rate_per_source");
}

std::shared_ptr<const Surroundings> Resolver::share(const Surroundings& surroundings) {
    auto& shared = surroundings_[surroundings];
    if (shared == nullptr) shared = std::make_shared<const Surroundings>(surroundings);
    return shared;
}

// Anybody could say that he is somebody else.
static bool check_proxied(const Source& source, const ServiceLine& line,
                          const ServiceTerms& terms) {
    if (!terms.proxy_protocol || !terms.proxy_from.empty() || !line.is_ip()) return true;
    source.error(line.service.at, "'proxy_protocol' without 'proxy_from' would let nobody in",
                 "list your balancers in inetd.cfg: proxy_from = [\"192.0.2.1\"];");
    return false;
}

std::optional<Draft> Resolver::resolve(const Source& source, const ServiceLine& line,
                                       const DefaultHosts& defaults) {
    Draft draft = overrides_.base();
    ServiceConfig& config = draft.config;
    ServiceTerms& terms = draft.terms;
    config.name =
        line.mux_name.empty() ? line.service.text : std::string(kMuxPrefix) + line.mux_name;
    config.line = line.service.at.line;
    config.wait = line.wait;
    config.mux_greets = line.mux_greets;
    terms.protocol = line.protocol.text;
    terms.file = source.name();
    set_limits(line, draft);

    auto listen = endpoints_.find(source, line, defaults);
    bool good = listen.has_value();
    if (good) config.listen = std::move(*listen);
    good = set_socket(source, line, draft) && good;
    good = set_account(source, line, terms) && good;
    // Which built-in service it is may depend on the port.
    if (good || !line.internal()) good = set_program(source, line, draft) && good;
    good = good && overrides_.apply(draft) && set_relay(source, line, draft) &&
           check_proxied(source, line, terms) &&
           check_access(source, line, draft, overrides_.base().terms.access);
    // Where it has to be depends on the settings.
    good = check_program(source, line, draft.surroundings.confinement) && good;
    if (!good) return std::nullopt;
    if (draft.surroundings.groups)
        terms.account = accounts_.with_groups(*terms.account, *draft.surroundings.groups);
    terms.surroundings = share(draft.surroundings);
    return draft;
}

} // namespace inetd
