#pragma once

#include "base/address.h"
#include "base/cidr.h"
#include "config/access.h"
#include "config/confinement.h"
#include "config/log_words.h"

#include <chrono>
#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

// What a configuration says, resolved and checked: plain values, immutable once loaded. Listeners,
// children and sessions share a ServiceConfig by shared_ptr and keep the one they were born with.
namespace inetd {

// The identity of a listening socket across reloads: two specs that are equal can share one socket.
struct ListenSpec {
    SocketAddress address;
    std::int16_t type = SOCK_STREAM; // SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_RAW
    std::int16_t protocol = 0;       // IPPROTO_*; 0 for AF_UNIX and AF_VSOCK
    bool dual_stack = false;         // AF_INET6 that takes IPv4 clients too ("tcp46")

    friend bool operator==(const ListenSpec&, const ListenSpec&) = default;
};

// Applied when a socket is opened and again on reload to a socket that is kept.
struct SocketOptions {
    int send_buffer = 0;                  // bytes; 0 = the kernel's default
    int receive_buffer = 0;               // bytes; 0 = the kernel's default
    int backlog = 0;                      // 0 = net.core.somaxconn
    uid_t owner = static_cast<uid_t>(-1); // unix sockets: -1 = leave as created
    gid_t group = static_cast<gid_t>(-1);
    mode_t mode = 0666;
    std::string device{};   // of IP sockets: SO_BINDTODEVICE; empty = any
    std::uint32_t mark = 0; // SO_MARK
    int tos = 0;            // the octet of the IP header
    int defer_accept = 0;   // of TCP: seconds; 0 = off
    bool keepalive = false;
    bool nodelay = false;
    bool reuse_port = false;
    bool freebind = false;

    // NOLINTNEXTLINE(modernize-use-nullptr,readability-implicit-bool-conversion): confinement.h
    friend auto operator<=>(const SocketOptions&, const SocketOptions&) = default;
};

enum class Builtin : std::uint8_t {
    none,
    echo,
    discard,
    chargen,
    daytime,
    time,
    tcpmux,
    redirect,
    auth,
    metrics
};
inline constexpr Builtin kLastBuiltin = Builtin::metrics;

// At most `count` starts in each period, evenly spread; after a rest up to `burst` of them at once.
struct Rate {
    std::uint32_t count = 0;    // 0 = no limit
    std::uint32_t seconds = 60; // of one period
    std::uint32_t burst = 0;    // at least 1 where there is a limit

    // The whole of a minute's share may come at once.
    [[nodiscard]] static constexpr Rate per_minute(std::uint32_t count) {
        return {count, 60, count};
    }
    [[nodiscard]] bool is_limit() const { return count != 0; }
    // NOLINTNEXTLINE(modernize-use-nullptr,readability-implicit-bool-conversion): confinement.h
    friend auto operator<=>(const Rate&, const Rate&) = default;
};

// What becomes of a client for whom the service as a whole has no room.
enum class Overflow : std::uint8_t {
    queue,  // waits in the kernel
    refuse, // is accepted and closed at once
};

// How many of the first bits of a client's address say which source it is.
struct SourcePrefix {
    std::uint8_t v4 = 32; // 1 to 32
    std::uint8_t v6 = 64; // 1 to 128; a /64 is what one host mostly has

    // NOLINTNEXTLINE(modernize-use-nullptr,readability-implicit-bool-conversion): confinement.h
    friend auto operator<=>(const SourcePrefix&, const SourcePrefix&) = default;
};

// 0 = no limit, in all of them.
struct Limits {
    std::uint32_t instances = 256; // running at once; beyond it: as `overflow` says
    Rate rate{};                   // of the whole service; beyond it: as `overflow` says
    std::uint32_t per_source = 0;  // running at once for one source; beyond it: refused
    Rate source_rate{};            // of one source; beyond it: refused
    SourcePrefix prefix{};
    Overflow overflow = Overflow::queue;

    [[nodiscard]] bool has_source_limit() const {
        return per_source != 0 || source_rate.is_limit();
    }
    // NOLINTNEXTLINE(modernize-use-nullptr,readability-implicit-bool-conversion): confinement.h
    friend auto operator<=>(const Limits&, const Limits&) = default;
};

// The identity that a server runs under, looked up when the configuration is loaded.
struct Account {
    std::string user{}; // name, or the number as text where the user database has no such entry
    std::string home = "/";
    std::string shell = "/bin/sh";
    uid_t uid = 0;
    gid_t gid = 0;
    std::vector<gid_t> groups{}; // supplementary, gid among them
    bool chosen_groups = false;  // by the configuration and not by the group data base

    friend bool operator==(const Account&, const Account&) = default;
};

// What a server finds around it, beyond its socket and its identity.
struct Surroundings {
    std::vector<std::string> env{};      // NAME=VALUE; above all else but the peer's variables
    std::vector<std::string> pass_env{}; // names of variables of the daemon that it is given
    std::string directory{};             // absolute, below confinement.root; empty = /
    mode_t umask = 022;
    std::optional<int> nice{};                  // nothing = as the daemon has it
    std::optional<std::vector<gid_t>> groups{}; // for the service's Account, which has them
    std::string errors = "socket"; // descriptor 2: "socket", "journal", "log", "null" or a file
    Confinement confinement{};

    // NOLINTNEXTLINE(modernize-use-nullptr,readability-implicit-bool-conversion): confinement.h
    friend auto operator<=>(const Surroundings&, const Surroundings&) = default;
};

struct Program {
    std::string path;              // absolute
    std::vector<std::string> argv; // argv[0] first; never empty

    friend bool operator==(const Program&, const Program&) = default;
};

// What the names of services behind tcpmux begin with, and no others.
inline constexpr std::string_view kMuxPrefix = "tcpmux/";

// What `internal redirect` relays its clients to.
struct RelayTarget {
    std::string text;                     // as configured: "db.example.org 5432"
    std::vector<SocketAddress> addresses; // to be tried in turn; never empty

    friend bool operator==(const RelayTarget&, const RelayTarget&) = default;
};

// What the built-in `auth` tells of the owner of a connection.
struct IdentOptions {
    enum class Reveal : std::uint8_t { nothing, number, name };
    Reveal reveal = Reveal::nothing;
    std::string fallback{};               // said where no user is told; empty: an error
    std::string system = "UNIX";          // RFC 1413's operating system
    std::map<uid_t, std::string> names{}; // where names are told

    friend bool operator==(const IdentOptions&, const IdentOptions&) = default;
};

// What clients are sent, read when the configuration was loaded. At most kLongestBanner bytes.
struct Banner {
    std::string path;
    std::string text;

    friend bool operator==(const Banner&, const Banner&) = default;
};
// Fits the send buffer of a connection that nothing was sent to yet.
inline constexpr std::size_t kLongestBanner = std::size_t{16} * 1024;

struct Origins;

// All of a service that many services commonly have alike: what comes from the settings, and of
// the columns those that seldom differ. Services that are equal in it share it.
struct ServiceTerms {
    std::string protocol; // as written, without buffer suffixes: "tcp", "udp6", "unix"
    std::string file;     // where the line stands
    SocketOptions socket;
    Limits limits;
    AccessConfig access;
    std::shared_ptr<const Account> account;           // never null; equal ones are shared
    std::shared_ptr<const Surroundings> surroundings; // never null; equal ones are shared
    std::chrono::milliseconds idle_timeout = std::chrono::minutes(5); // of a built-in; 0 = none
    std::chrono::milliseconds session_timeout{}; // of whatever serves one client; 0 = none
    std::chrono::milliseconds sensor{}; // whoever connects is shut out for so long; 0 = nobody
    bool kill_on_disconnect = false;    // of its server
    bool listen_fds = false;            // a wait server finds its socket as sd_listen_fds(3) says
    bool proxy_protocol = false;        // clients come by balancers, which say who they are
    std::vector<Cidr> proxy_from;       // the balancers
    std::shared_ptr<const RelayTarget> relay;     // of `redirect`, else null
    std::shared_ptr<const IdentOptions> ident;    // of `auth`, else null
    std::shared_ptr<const Banner> banner;         // for every client; these three may be null
    std::shared_ptr<const Banner> banner_success; // for whoever is admitted
    std::shared_ptr<const Banner> banner_fail;    // for whoever is refused
    std::optional<LogWords> log_on_success;       // these two: nothing = as log_connections has it
    std::optional<LogWords> log_on_failure;
    std::shared_ptr<const Origins> origins; // of the values, for whoever asks; may be null

    // What is behind a pointer is equal if it is the same object, but for the lists of `access`.
    // NOLINTNEXTLINE(modernize-use-nullptr,readability-implicit-bool-conversion): confinement.h
    friend auto operator<=>(const ServiceTerms&, const ServiceTerms&) = default;
};

// One line. There may be very many of them: what they can share is in their terms.
struct ServiceConfig {
    std::string name; // as a person says it: "ftp", "8080", "/run/x.sock", "tcpmux/foo"
    std::vector<ListenSpec> listen;         // one or more; none for a service behind tcpmux
    std::shared_ptr<const Program> program; // null for a built-in; equal ones are shared
    std::shared_ptr<const ServiceTerms> terms = std::make_shared<ServiceTerms>(); // null in a Draft
    int line = 0;
    Builtin builtin = Builtin::none;
    bool wait = false;
    bool mux_greets =
        false; // "+": inetd itself answers "+Go" before it starts the server (RFC 1078)

    [[nodiscard]] int type() const {
        return listen.empty() ? int{SOCK_STREAM} : listen.front().type;
    }
    // "ftp/tcp": unique among services of one address.
    [[nodiscard]] std::string id() const { return name + "/" + terms->protocol; }
    // "foo" for "tcpmux/foo" and "tcpmux/+foo"; empty for all others.
    [[nodiscard]] std::string_view mux_name() const {
        const bool muxed = std::string_view(name).starts_with(kMuxPrefix);
        return muxed ? std::string_view(name).substr(kMuxPrefix.size()) : std::string_view();
    }
};

using ServiceConfigPtr = std::shared_ptr<const ServiceConfig>;

// What is said of the daemon as a whole.
struct DaemonSettings {
    std::chrono::milliseconds stop_timeout = std::chrono::seconds(10);
    std::chrono::milliseconds idle_timeout = std::chrono::minutes(5); // where no service says more
    std::string dump_file = "/run/inetd.dump"; // where SIGUSR1 has the state written
    bool log_connections = false;
    bool keep_environment = false; // services get all of the daemon's own
    bool strict = false;           // no start with an error in any file
    std::string log_target{};      // "journal", "syslog", "stderr" or a file; empty = as started
    std::string log_facility = "daemon";
    std::string log_level = "info";
    std::string control{}; // the path of the control socket; empty or "none" = there is none
    mode_t control_mode = 0660;
    gid_t control_group = static_cast<gid_t>(-1); // -1 = that of the daemon
    uid_t user = static_cast<uid_t>(-1);          // whom the daemon becomes; -1 = nobody else
    std::shared_ptr<const Account> account{};     // of `user`; null = nobody else
};

} // namespace inetd
