#pragma once

#include "config/draft.h"
#include "config/values.h"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace inetd {

// On which services a key has an effect.
enum class Effect : std::uint8_t {
    any,
    counted,    // those whose instances are counted: all but built-in datagram services
    clients,    // those whose clients inetd sees one by one
    limited,    // of these those that have a limit for all
    sources,    // and those that have one for a source
    socket,     // that have a socket of their own, which those behind tcpmux do not
    queue,      // whose socket has connections
    path,       // whose socket is a file
    session,    // built-in stream services
    lasting,    // whose clients are served one by one, each for its time
    program,    // that start a program
    lent,       // whose program gets the listening socket
    relay,      // `internal redirect`
    accepted,   // whose connections inetd accepts itself
    ip,         // whose socket is one of IPv4 or IPv6
    tcp,        // of TCP
    connection, // whose program gets one
    screened,   // all but stream services whose server accepts the connections itself
    wrapped,    // whose connections inetd accepts itself, of clients that have an address of IP
};

// Null, or why a key of this effect has none on the service: "is built in".
[[nodiscard]] const char* lacks_effect(Effect effect, const ServiceConfig& service,
                                       const ServiceTerms& terms);
[[nodiscard]] inline const char* lacks_effect(Effect effect, const ServiceConfig& service) {
    return lacks_effect(effect, service, *service.terms);
}

// All that there is to know about a key of the settings file.
template<typename Target>
struct Key {
    std::string_view name;
    ValueType type;
    Effect effect;
    void (*set)(Target& target, const Value& value);
    Value (*get)(const Target& target);
};
using DaemonKey = Key<DaemonSettings>;
using ServiceKey = Key<Draft>;

[[nodiscard]] std::span<const DaemonKey> daemon_keys(); // of `daemon`
[[nodiscard]] std::span<const ServiceKey>
service_keys(); // of `defaults` and of an entry of `services`

// The index of the key of that name.
template<typename Target>
std::optional<std::size_t> find_key(std::span<const Key<Target>> keys, std::string_view name) {
    for (std::size_t i = 0; i < keys.size(); ++i)
        if (keys[i].name == name) return i;
    return std::nullopt;
}

// Notes, if the draft keeps origins, that the value of the key has this one. The key must exist.
void note_origin(Draft& draft, std::string_view name, const Origin& origin);

} // namespace inetd
