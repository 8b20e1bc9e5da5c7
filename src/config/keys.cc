#include "config/keys.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdint>
#include <netinet/in.h>
#include <type_traits>

namespace inetd {

template<typename T>
static void assign(T& field, const Value& value) {
    if constexpr (std::is_same_v<T, std::optional<int>>) {
        field = static_cast<int>(std::get<std::int64_t>(value));
    } else if constexpr (requires {
                             typename T::value_type;
                             field.has_value();
                         }) {
        field.reset();
        if (!std::holds_alternative<std::monostate>(value))
            field = std::get<typename T::value_type>(value);
    } else if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
        field = static_cast<T>(std::get<std::int64_t>(value));
    } else {
        field = std::get<T>(value);
    }
}

template<typename T>
static Value value_of(const T& field) {
    if constexpr (std::is_same_v<T, std::optional<int>>) {
        return field ? Value(std::int64_t{*field}) : Value();
    } else if constexpr (requires {
                             typename T::value_type;
                             field.has_value();
                         }) {
        return field ? Value(*field) : Value();
    } else if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
        return std::int64_t{field};
    } else {
        return field;
    }
}

// `Field` names the place of the value in its target: a lambda without captures.
template<typename Target, typename Field>
static constexpr Key<Target> key(std::string_view name, ValueType type, Effect effect, Field) {
    return {name, type, effect,
            [](Target& target, const Value& value) { assign(Field{}(target), value); },
            [](const Target& target) -> Value { return value_of(Field{}(target)); }};
}

#define INETD_FIELD(place) ([](auto& at) -> auto& { return at.place; })

static constexpr std::int64_t kDay = 86400;
static constexpr std::int64_t kMost = 1'000'000'000;

std::span<const DaemonKey> daemon_keys() {
    using enum ValueKind;
    using enum Effect;
    static constexpr auto daemon = [](auto name, ValueType type, auto field) {
        return key<DaemonSettings>(name, type, any, field);
    };
    static constexpr std::array kKeys{
        daemon("stop_timeout", {span, 0, kDay}, INETD_FIELD(stop_timeout)),
        daemon("idle_timeout", {span, 0, 365 * kDay}, INETD_FIELD(idle_timeout)),
        daemon("dump_file", {word, 0, 0, &kFile}, INETD_FIELD(dump_file)),
        daemon("log_connections", {flag}, INETD_FIELD(log_connections)),
        daemon("keep_environment", {flag}, INETD_FIELD(keep_environment)),
        daemon("strict", {flag}, INETD_FIELD(strict)),
        daemon("log_target", {word, 0, 0, &kLogTargets}, INETD_FIELD(log_target)),
        daemon("log_facility", {word, 0, 0, &kLogFacilities}, INETD_FIELD(log_facility)),
        daemon("log_level", {word, 0, 0, &kLogLevels}, INETD_FIELD(log_level)),
        daemon("control", {word, 0, 0, &kControlPaths}, INETD_FIELD(control)),
        daemon("control_mode", {mode}, INETD_FIELD(control_mode)),
        daemon("control_group", {group}, INETD_FIELD(control_group)),
        daemon("user", {user}, INETD_FIELD(user)),
    };
    return kKeys;
}

static constexpr auto kServiceKey = [](auto name, ValueType type, Effect effect, auto field) {
    return key<Draft>(name, type, effect, field);
};

template<std::size_t A, std::size_t B>
static constexpr auto joined(const std::array<ServiceKey, A>& first,
                             const std::array<ServiceKey, B>& second) {
    std::array<ServiceKey, A + B> all{};
    std::copy(second.begin(), second.end(), std::copy(first.begin(), first.end(), all.begin()));
    return all;
}

// Who may come, and when.
static constexpr auto access_keys() {
    using enum ValueKind;
    using enum Effect;
    constexpr auto service = kServiceKey;
    return std::array{
        service("only_from", {visitors}, screened, INETD_FIELD(terms.access.only_from)),
        service("no_access", {visitors}, screened, INETD_FIELD(terms.access.no_access)),
        service("access_times", {day_times}, screened, INETD_FIELD(terms.access.times)),
        service("max_load", {load}, screened, INETD_FIELD(terms.access.max_load)),
        service("libwrap", {wrappers}, wrapped, INETD_FIELD(terms.access.libwrap)),
    };
}

// What clients and the log are told.
static constexpr auto speech_keys() {
    using enum ValueKind;
    using enum Effect;
    constexpr auto service = kServiceKey;
    return std::array{
        service("banner", {banner}, accepted, INETD_FIELD(terms.banner)),
        service("banner_success", {banner}, accepted, INETD_FIELD(terms.banner_success)),
        service("banner_fail", {banner}, accepted, INETD_FIELD(terms.banner_fail)),
        service("log_on_success", {success_words}, counted, INETD_FIELD(terms.log_on_success)),
        service("log_on_failure", {failure_words}, screened, INETD_FIELD(terms.log_on_failure)),
    };
}

std::span<const ServiceKey> service_keys() {
    using enum ValueKind;
    using enum Effect;
    static constexpr auto service = kServiceKey;
    static constexpr std::array kOthers{
        service("enabled", {flag}, any, INETD_FIELD(enabled)),
        service("instances", {number, 0, kMost}, counted, INETD_FIELD(terms.limits.instances)),
        service("per_source", {number, 0, kMost}, clients, INETD_FIELD(terms.limits.per_source)),
        service("rate", {rate}, counted, INETD_FIELD(terms.limits.rate)),
        service("rate_per_source", {rate}, clients, INETD_FIELD(terms.limits.source_rate)),
        service("source_prefix_v4", {number, 1, 32}, sources, INETD_FIELD(terms.limits.prefix.v4)),
        service("source_prefix_v6", {number, 1, 128}, sources, INETD_FIELD(terms.limits.prefix.v6)),
        service("overflow", {overflow}, limited, INETD_FIELD(terms.limits.overflow)),
        service("idle_timeout", {span, 0, 365 * kDay}, session, INETD_FIELD(terms.idle_timeout)),
        service("redirect", {word, 0, 0, &kRelayTargets}, relay, INETD_FIELD(redirect)),
        service("proxy_protocol", {flag}, accepted, INETD_FIELD(terms.proxy_protocol)),
        service("proxy_from", {networks}, accepted, INETD_FIELD(terms.proxy_from)),
        service("sensor", {span, 0, 365 * kDay}, accepted, INETD_FIELD(terms.sensor)),
        service("session_timeout", {span, 0, 365 * kDay}, lasting,
                INETD_FIELD(terms.session_timeout)),
        service("kill_on_disconnect", {flag}, connection, INETD_FIELD(terms.kill_on_disconnect)),
        service("backlog", {number, 0, kMost}, queue, INETD_FIELD(terms.socket.backlog)),
        service("send_buffer", {size}, socket, INETD_FIELD(terms.socket.send_buffer)),
        service("receive_buffer", {size}, socket, INETD_FIELD(terms.socket.receive_buffer)),
        service("keepalive", {flag}, tcp, INETD_FIELD(terms.socket.keepalive)),
        service("nodelay", {flag}, tcp, INETD_FIELD(terms.socket.nodelay)),
        service("defer_accept", {number, 0, 3600}, tcp, INETD_FIELD(terms.socket.defer_accept)),
        service("reuse_port", {flag}, ip, INETD_FIELD(terms.socket.reuse_port)),
        service("freebind", {flag}, ip, INETD_FIELD(terms.socket.freebind)),
        service("bind_to_device", {interface}, ip, INETD_FIELD(terms.socket.device)),
        service("tos", {traffic_class}, ip, INETD_FIELD(terms.socket.tos)),
        service("mark", {number, 0, UINT32_MAX}, ip, INETD_FIELD(terms.socket.mark)),
        service("socket_user", {user}, path, INETD_FIELD(terms.socket.owner)),
        service("socket_group", {group}, path, INETD_FIELD(terms.socket.group)),
        service("socket_mode", {mode}, path, INETD_FIELD(terms.socket.mode)),
        service("env", {assignments}, program, INETD_FIELD(surroundings.env)),
        service("pass_env", {names}, program, INETD_FIELD(surroundings.pass_env)),
        service("umask", {mode}, program, INETD_FIELD(surroundings.umask)),
        service("directory", {directory}, program, INETD_FIELD(surroundings.directory)),
        service("listen_fds", {flag}, lent, INETD_FIELD(terms.listen_fds)),
        service("nice", {number, -20, 19}, program, INETD_FIELD(surroundings.nice)),
        service("stderr", {word, 0, 0, &kErrorTargets}, program, INETD_FIELD(surroundings.errors)),
        service("ionice", {io_priority}, program,
                INETD_FIELD(surroundings.confinement.io_priority)),
        service("rlimits", {rlimits}, program, INETD_FIELD(surroundings.confinement.rlimits)),
        service("groups", {groups}, program, INETD_FIELD(surroundings.groups)),
        service("chroot", {tree}, program, INETD_FIELD(surroundings.confinement.root)),
        service("private_network", {flag}, program,
                INETD_FIELD(surroundings.confinement.private_network)),
        service("no_new_privileges", {flag}, program,
                INETD_FIELD(surroundings.confinement.no_new_privileges)),
        service("capabilities", {capabilities}, program,
                INETD_FIELD(surroundings.confinement.capabilities)),
        service("cgroup", {group_settings}, program, INETD_FIELD(surroundings.confinement.cgroup)),
        service("landlock", {path_rights}, program, INETD_FIELD(surroundings.confinement.landlock)),
    };
    static constexpr auto kKeys = joined(kOthers, joined(access_keys(), speech_keys()));
    return kKeys;
}

#undef INETD_FIELD

static bool has_path(const ServiceConfig& service) {
    return std::any_of(service.listen.begin(), service.listen.end(),
                       [](const ListenSpec& spec) { return !spec.address.unix_file().empty(); });
}

static bool has_connections(const ServiceConfig& service) {
    return service.type() == SOCK_STREAM || service.type() == SOCK_SEQPACKET;
}

static bool is_built_in(const ServiceConfig& service) {
    return service.builtin != Builtin::none;
}

// Of the effects that limits have, and how long.
static const char* lacks_limit(Effect effect, const ServiceConfig& service,
                               const ServiceTerms& terms) {
    if (is_built_in(service) && !has_connections(service))
        return "is built in and has no instances";
    if (effect == Effect::counted) return nullptr;
    if (service.wait) return "is 'wait': its server takes the clients itself";
    if (effect == Effect::clients || effect == Effect::lasting) return nullptr;
    if (effect == Effect::sources)
        return terms.limits.has_source_limit() ? nullptr : "has no limit for a source";
    if (!service.mux_name().empty()) return "is behind tcpmux, which always refuses";
    const bool limited = terms.limits.instances != 0 || terms.limits.rate.is_limit();
    return limited ? nullptr : "has no limit that could overflow";
}

static const char* lacks_socket(Effect effect, const ServiceConfig& service) {
    if (effect == Effect::path && !has_path(service)) return "has no socket in the file system";
    if (service.listen.empty()) return "is behind tcpmux and has no socket of its own";
    if (effect == Effect::queue && !has_connections(service)) return "has no connections";
    const ListenSpec& spec = service.listen.front();
    if (effect == Effect::ip && !spec.address.is_ip()) return "has no address of IP";
    const bool tcp = spec.protocol == IPPROTO_TCP || spec.protocol == IPPROTO_MPTCP;
    if (effect == Effect::tcp && !tcp) return "is not TCP";
    return nullptr;
}

// Of the effects that rules about clients have.
static const char* lacks_visitors(Effect effect, const ServiceConfig& service,
                                  const ServiceTerms& terms) {
    if (effect == Effect::screened && (is_built_in(service) || service.type() == SOCK_DGRAM))
        return nullptr;
    if (service.wait) return "is 'wait': its server takes the clients itself";
    if (effect == Effect::screened) return nullptr;
    if (!has_connections(service)) return "has no connections";
    const bool ip = service.listen.empty() || service.listen.front().address.is_ip();
    return ip || terms.proxy_protocol ? nullptr : "has no address of IP";
}

const char* lacks_effect(Effect effect, const ServiceConfig& service, const ServiceTerms& terms) {
    switch (effect) {
    case Effect::any:
        break;
    case Effect::counted:
    case Effect::clients:
    case Effect::limited:
    case Effect::sources:
    case Effect::lasting:
        return lacks_limit(effect, service, terms);
    case Effect::socket:
    case Effect::queue:
    case Effect::path:
    case Effect::ip:
    case Effect::tcp:
        return lacks_socket(effect, service);
    case Effect::session:
        if (is_built_in(service) && has_connections(service)) break;
        return "is not a built-in stream service";
    case Effect::connection:
        if (is_built_in(service)) return "is built in";
        if (service.wait) return "is 'wait': its server takes the clients itself";
        return has_connections(service) ? nullptr : "has no connections";
    case Effect::program:
        return is_built_in(service) ? "is built in" : nullptr;
    case Effect::lent:
        if (is_built_in(service)) return "is built in";
        return service.wait ? nullptr : "is 'nowait': its server gets a connection";
    case Effect::accepted:
        if (!service.mux_name().empty()) return "is behind tcpmux and has no socket of its own";
        if (service.wait) return "is 'wait': its server takes the clients itself";
        return has_connections(service) ? nullptr : "has no connections";
    case Effect::screened:
    case Effect::wrapped:
        return lacks_visitors(effect, service, terms);
    case Effect::relay:
        return service.builtin == Builtin::redirect ? nullptr : "is not 'internal redirect'";
    }
    return nullptr;
}

void note_origin(Draft& draft, std::string_view name, const Origin& origin) {
    if (draft.origins.empty()) return;
    const auto index = find_key(service_keys(), name);
    assert(index);
    draft.origins[*index] = origin;
}

} // namespace inetd
