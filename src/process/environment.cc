#include "process/environment.h"

#include <array>
#include <fmt/format.h>
#include <netinet/in.h>

namespace inetd {

static constexpr std::string_view kPath =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

void Environment::set(std::string_view name, std::string_view value) {
    block_ += name;
    block_ += '=';
    block_ += value;
    block_ += '\0';
}

static std::string_view name_of(std::string_view assignment) {
    return assignment.substr(0, assignment.find('='));
}

static bool is_ours(std::string_view name) {
    // What tells the daemon about its own supervisor must not reach a service that talks to one.
    static constexpr std::array kOurs{"USER",          "LOGNAME",        "HOME",
                                      "SHELL",         "NOTIFY_SOCKET",  "LISTEN_FDS",
                                      "LISTEN_PID",    "LISTEN_FDNAMES", "WATCHDOG_PID",
                                      "WATCHDOG_USEC", "MAINPID"};
    for (const char* ours : kOurs) {
        if (name == ours) return true;
    }
    return false;
}

Environment service_environment(const Account& account, char* const* daemons, bool keep) {
    Environment environment;
    bool has_path = false;
    for (char* const* item = daemons; item != nullptr && *item != nullptr; ++item) {
        const std::string_view assignment(*item);
        const std::string_view name = name_of(assignment);
        const bool wanted = keep ? !is_ours(name) : name == "LANG" || name == "TZ";
        if (!wanted || assignment.size() == name.size()) continue;
        has_path = has_path || name == "PATH";
        environment.set(name, assignment.substr(name.size() + 1));
    }
    if (!has_path) environment.set("PATH", kPath);
    environment.set("USER", account.user);
    environment.set("LOGNAME", account.user);
    environment.set("HOME", account.home);
    environment.set("SHELL", account.shell);
    return environment;
}

static std::string_view protocol_name(int protocol) {
    switch (protocol) {
    case IPPROTO_UDP:
        return "UDP";
    case IPPROTO_UDPLITE:
        return "UDPLITE";
    case IPPROTO_SCTP:
        return "SCTP";
    default:
        return "TCP";
    }
}

// Programs of the UCSPI family look for TCP... whatever the transport is, so UDP peers get these
// names too.
static void set_ip(Environment& environment, const SocketAddress& address, bool remote) {
    const std::string host = address.host();
    const std::string port = fmt::format_int(address.port()).str();
    environment.set(remote ? "TCPREMOTEIP" : "TCPLOCALIP", host);
    environment.set(remote ? "TCPREMOTEPORT" : "TCPLOCALPORT", port);
    environment.set(remote ? "REMOTE_ADDR" : "SERVER_ADDR", host);
    environment.set(remote ? "REMOTE_PORT" : "SERVER_PORT", port);
}

Environment peer_environment(const SocketAddress& peer, const SocketAddress& local, int protocol) {
    Environment environment;
    if (local.family() == AF_UNIX) {
        environment.set("PROTO", "UNIX");
        environment.set("UNIXLOCALPATH", local.host());
        environment.set("SERVER_ADDR", local.host());
        if (const std::string name = peer.host(); !name.empty())
            environment.set("REMOTE_ADDR", name);
        return environment;
    }
    if (local.family() == AF_VSOCK) {
        environment.set("PROTO", "VSOCK");
        environment.set("SERVER_ADDR", local.to_string());
        if (peer.family() == AF_VSOCK) environment.set("REMOTE_ADDR", peer.to_string());
        return environment;
    }
    environment.set("PROTO", protocol_name(protocol));
    set_ip(environment, local.unmapped(), false);
    if (peer.is_ip()) set_ip(environment, peer.unmapped(), true);
    return environment;
}

} // namespace inetd
