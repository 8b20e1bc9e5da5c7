#pragma once

#include "config/load.h"
#include "config/rate.h"

#include <fmt/core.h>
#include <string>
#include <sys/socket.h>

// A ServiceConfig in one line, with what is not the default: for tables of expectations.
namespace inetd::test {

inline std::string dump(const ListenSpec& spec) {
    std::string out = spec.address.to_string();
    if (spec.address.is_ip() && spec.protocol != IPPROTO_TCP && spec.protocol != IPPROTO_UDP)
        out += fmt::format("#{}", spec.protocol);
    return out + (spec.dual_stack ? "+v4" : "");
}

inline std::string dump(const ServiceConfig& service) {
    static const char* const kTypes[] = {"?", "stream", "dgram", "raw", "?", "seqpacket"};
    static const char* const kBuiltins[] = {"-",    "echo",   "discard",  "chargen", "daytime",
                                            "time", "tcpmux", "redirect", "auth",    "metrics"};
    std::string out = service.id() + " " + kTypes[service.type()];
    for (const ListenSpec& spec : service.listen)
        out += " " + dump(spec);
    out += service.wait ? " wait" : " nowait";
    out += fmt::format(" {}:{}", service.terms->account->user, service.terms->account->gid);
    if (service.program != nullptr) {
        out += " " + service.program->path;
        for (const std::string& argument : service.program->argv)
            out += " [" + argument + "]";
    } else {
        out += fmt::format(" <{}>", kBuiltins[static_cast<int>(service.builtin)]);
    }
    if (service.terms->ident) {
        out += fmt::format(" tells={} os={}", static_cast<int>(service.terms->ident->reveal),
                           service.terms->ident->system);
        if (!service.terms->ident->fallback.empty())
            out += " else=" + service.terms->ident->fallback;
    }
    if (service.terms->proxy_protocol) out += " proxied";
    for (const Cidr& network : service.terms->proxy_from)
        out += " by:" + network.to_string();
    if (service.terms->sensor.count() != 0)
        out += fmt::format(" sensor={}", service.terms->sensor.count());
    for (const auto& [key, list] : {std::pair("from", service.terms->access.only_from),
                                    std::pair("not", service.terms->access.no_access)})
        for (const AccessEntry& entry : list ? *list : std::vector<AccessEntry>{})
            out += fmt::format(" {}{}:{}", key, static_cast<int>(entry.kind),
                               entry.network        ? entry.network->to_string()
                               : entry.name.empty() ? fmt::format("{}", entry.id)
                                                    : entry.name);
    for (const auto [from, to] : service.terms->access.times)
        out += fmt::format(" at:{}-{}", from, to);
    if (service.terms->access.max_load != 0)
        out += fmt::format(" max_load={}", service.terms->access.max_load);
    if (service.terms->access.libwrap) out += " libwrap";
    if (service.terms->relay) {
        out += " ->";
        for (const SocketAddress& address : service.terms->relay->addresses)
            out += " " + address.to_string();
    }
    const auto number = [&](const char* name, auto value, auto usual) {
        if (value != usual) out += fmt::format(" {}={}", name, value);
    };
    const Limits usual;
    number("instances", service.terms->limits.instances, usual.instances);
    const auto rate = [&](const char* name, const Rate& value) {
        if (value == Rate::per_minute(value.count)) return number(name, value.count, 0U);
        out += fmt::format(" {}={}", name, rate_text(value));
    };
    rate("starts", service.terms->limits.rate);
    number("per_source", service.terms->limits.per_source, usual.per_source);
    rate("source_starts", service.terms->limits.source_rate);
    number("v4", service.terms->limits.prefix.v4, usual.prefix.v4);
    number("v6", service.terms->limits.prefix.v6, usual.prefix.v6);
    number("sndbuf", service.terms->socket.send_buffer, 0);
    number("rcvbuf", service.terms->socket.receive_buffer, 0);
    number("backlog", service.terms->socket.backlog, 0);
    number("owner", service.terms->socket.owner, static_cast<uid_t>(-1));
    number("group", service.terms->socket.group, static_cast<gid_t>(-1));
    number("defer", service.terms->socket.defer_accept, 0);
    number("tos", service.terms->socket.tos, 0);
    number("mark", service.terms->socket.mark, 0U);
    if (service.terms->socket.keepalive) out += " keepalive";
    if (service.terms->socket.nodelay) out += " nodelay";
    if (service.terms->socket.reuse_port) out += " reuse_port";
    if (service.terms->socket.freebind) out += " freebind";
    if (!service.terms->socket.device.empty()) out += " on:" + service.terms->socket.device;
    if (service.terms->socket.mode != 0666)
        out += fmt::format(" mode={:04o}", service.terms->socket.mode);
    if (service.terms->limits.overflow == Overflow::refuse) out += " refuses";
    number("idle", service.terms->idle_timeout.count(), ServiceTerms().idle_timeout.count());
    number("session", service.terms->session_timeout.count(), 0);
    if (service.terms->kill_on_disconnect) out += " kill_on_disconnect";
    const Surroundings& around = *service.terms->surroundings;
    for (const std::string& assignment : around.env)
        out += " env:" + assignment;
    for (const std::string& name : around.pass_env)
        out += " pass:" + name;
    if (!around.directory.empty()) out += " in:" + around.directory;
    if (around.umask != 022) out += fmt::format(" umask={:04o}", around.umask);
    if (around.nice) out += fmt::format(" nice={}", *around.nice);
    if (around.errors != "socket") out += " stderr:" + around.errors;
    if (service.terms->listen_fds) out += " listen_fds";
    if (!service.mux_name().empty()) out += fmt::format(" mux={}", service.mux_name());
    if (service.mux_greets) out += " greets";
    return out;
}

// The services, then the headlines and the hints, a line each.
inline std::string dump(const Loaded& loaded) {
    std::string out;
    for (const auto& service : loaded.services)
        out += dump(*service) + "\n";
    for (const Diagnostic& diagnostic : loaded.diagnostics) {
        out += diagnostic.headline() + "\n";
        if (!diagnostic.hint.empty()) out += "  hint: " + diagnostic.hint + "\n";
    }
    return out;
}

} // namespace inetd::test
