#pragma once

#include "base/address.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <sys/types.h>

namespace inetd::log {

enum class Level { error = 3, warning = 4, notice = 5, info = 6, debug = 7 }; // as syslog(3)

// The kinds of messages that etc/systemd/inetd.catalog explains.
enum class Event : std::uint8_t {
    none,
    started,
    stopped,
    reloaded,
    reload_refused,
    cannot_listen,
    client_refused,
    full,
    child_started,
    child_ended,
    child_failed,
    left_unread,
    no_descriptors,
    cannot_accept,
    unwanted_socket,
};

// What a message is about, for a sink that keeps it apart from the text. Made on the caller's
// stack, of views: worth nothing after the call, and costs nothing where no sink looks at it.
struct About {
    Event event = Event::none;
    std::string_view service{};
    const SocketAddress* peer = nullptr;
    pid_t pid = 0;                  // of the server; 0 = none
    std::string_view exit_status{}; // "0", or the signal without "SIG"
    std::optional<std::chrono::steady_clock::duration> lasted{};
    std::string_view refused_by{};           // the key of the limit or the rule
    std::optional<std::uint64_t> bytes_in{}; // from the client
    std::optional<std::uint64_t> bytes_out{};
    std::string_view user{}; // the client's, as its machine says; any bytes
};

struct Entry {
    Level level;
    std::string_view text; // one line, begins with the service's name
    const About& about;
};

} // namespace inetd::log
