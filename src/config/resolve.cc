#include "config/resolve.h"

#include <algorithm>
#include <fmt/format.h>
#include <unistd.h>

namespace inetd {

Resolver::Resolver(const LoadOptions& options)
    : default_limits_(options.default_limits),
      default_backlog_(options.default_backlog),
      endpoints_(options.ipv6) {}

bool Resolver::set_socket(const Source& source, const ServiceLine& line,
                          ServiceConfig& config) const {
    config.socket.send_buffer = line.send_buffer;
    config.socket.receive_buffer = line.receive_buffer;
    config.socket.backlog = default_backlog_;
    config.socket.mode = line.socket_mode;
    bool good = true;
    if (!line.socket_owner.text.empty()) {
        const auto user = Accounts::find_user(line.socket_owner.text);
        good = user.found();
        if (good) config.socket.owner = user.value;
        if (!good) source.error(line.socket_owner.at, user.problem, user.hint);
    }
    if (!line.socket_group.text.empty()) {
        const auto group = Accounts::find_group(line.socket_group.text);
        if (group.found()) config.socket.group = group.value;
        if (!group.found()) source.error(line.socket_group.at, group.problem, group.hint);
        good = good && group.found();
    }
    return good;
}

bool Resolver::set_account(const Source& source, const ServiceLine& line, ServiceConfig& config) {
    const auto& found = accounts_.find(line.user.text);
    if (!found.found()) {
        source.error(line.user.at, found.problem, found.hint);
        return false;
    }
    config.account = found.value;
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

static bool set_builtin(const Source& source, const ServiceLine& line, ServiceConfig& config) {
    const bool named = !line.arguments.empty();
    const Token& name = named ? line.arguments.front() : line.service;
    config.builtin = builtin_of(line, config);
    if (config.builtin == Builtin::none) {
        const std::string hint = builtin_hint(name.text);
        source.error(name.at, fmt::format("no built-in service is named {}", quoted(name.text)),
                     named ? hint : hint + "; name one after 'internal'");
        return false;
    }
    if (line.arguments.size() > 1) {
        source.error(line.arguments[1].at, "a built-in service takes no arguments");
        return false;
    }
    if (config.builtin == Builtin::tcpmux && line.type != SOCK_STREAM) {
        source.error(name.at, "tcpmux is a stream service", "write 'stream' and 'tcp'");
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

// argv[0] may be any word, but what looks like an argument mostly is one: without its argv[0] the
// program never sees it.
static void check_argv0(const Source& source, const ServiceLine& line) {
    if (line.arguments.empty()) return;
    const Token& first = line.arguments.front();
    const std::string& path = line.program.text;
    const std::string name = base_name(path);
    // tcpd(8) takes the server that it is to start as its own argv[0].
    const bool other_path =
        first.text.find('/') != std::string::npos && first.text != path && name != "tcpd";
    if (!first.text.starts_with('-') && first.text.find('=') == std::string::npos && !other_path)
        return;
    source.warning(first.at,
                   fmt::format("{} becomes argv[0], the name that the program is started by",
                               quoted(first.text)),
                   fmt::format("for an argument, write '{} {}'", name, first.text));
}

bool Resolver::set_program(const Source& source, const ServiceLine& line, ServiceConfig& config) {
    if (line.internal()) return set_builtin(source, line, config);
    const auto& checked = programs_.check(line.program.text);
    if (!checked.found()) {
        source.error(line.program.at, checked.problem, checked.hint);
        return false;
    }
    check_argv0(source, line);
    std::vector<std::string> argv;
    argv.reserve(std::max<std::size_t>(line.arguments.size(), 1));
    for (const Token& argument : line.arguments)
        argv.push_back(argument.text);
    if (argv.empty()) argv.push_back(base_name(line.program.text));
    config.program = programs_.share(line.program.text, std::move(argv));
    return true;
}

void Resolver::set_limits(const ServiceLine& line, ServiceConfig& config) const {
    const Limits& base = default_limits_;
    config.limits = {
        .instances = line.instances.value_or(base.instances),
        .starts_per_minute = line.starts_per_minute.value_or(base.starts_per_minute),
        .per_source = line.per_source.value_or(base.per_source),
        .source_per_minute = line.source_per_minute.value_or(base.source_per_minute),
    };
}

ServiceConfigPtr Resolver::resolve(const Source& source, const ServiceLine& line,
                                   const DefaultHosts& defaults) {
    auto config = std::make_shared<ServiceConfig>();
    config->name = line.mux_name.empty() ? line.service.text : "tcpmux/" + line.mux_name;
    config->protocol = line.protocol.text;
    config->wait = line.wait;
    config->mux_name = line.mux_name;
    config->mux_greets = line.mux_greets;
    config->file = source.name();
    config->line = line.service.at.line;
    set_limits(line, *config);

    auto listen = endpoints_.find(source, line, defaults);
    bool good = listen.has_value();
    if (good) config->listen = std::move(*listen);
    good = set_socket(source, line, *config) && good;
    good = set_account(source, line, *config) && good;
    // Which built-in service it is may depend on the port.
    if (good || !line.internal()) good = set_program(source, line, *config) && good;
    return good ? config : nullptr;
}

} // namespace inetd
