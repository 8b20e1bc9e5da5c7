#include "process/environment.h"

#include "base/variables.h"

#include <algorithm>
#include <fmt/format.h>
#include <netinet/in.h>

namespace inetd {

static constexpr std::string_view kPath =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

void Environment::set(std::string_view name, std::string_view value) {
    block_ += name;
    block_ += '=';
    block_ += value.substr(0, value.find('\0'));
    block_ += '\0';
}

static std::string_view name_of(std::string_view assignment) {
    return assignment.substr(0, assignment.find('='));
}

static bool is_ours(std::string_view name) {
    return is_account_variable(name) || is_supervisor_variable(name) || is_peer_variable(name);
}

namespace {

// Sets each variable once: what the settings assign hides all others of that name.
class Builder {
  public:
    explicit Builder(const std::vector<std::string>& assigned) : assigned_(assigned) {}

    void set(std::string_view name, std::string_view value) {
        for (const std::string& assignment : assigned_)
            if (name_of(assignment) == name) return;
        environment_.set(name, value);
    }
    Environment finish() {
        for (const std::string& assignment : assigned_) {
            const std::string_view name = name_of(assignment);
            environment_.set(name, std::string_view(assignment).substr(name.size() + 1));
        }
        return std::move(environment_);
    }

  private:
    const std::vector<std::string>& assigned_;
    Environment environment_;
};

} // namespace

Environment service_environment(const Account& account, const Surroundings& surroundings,
                                char* const* daemons, bool keep) {
    Builder builder(surroundings.env);
    const auto& passed = surroundings.pass_env;
    bool has_path = false;
    for (char* const* item = daemons; item != nullptr && *item != nullptr; ++item) {
        const std::string_view assignment(*item);
        const std::string_view name = name_of(assignment);
        const bool wanted = keep
                                ? !is_ours(name)
                                : name == "LANG" || name == "TZ" ||
                                      std::find(passed.begin(), passed.end(), name) != passed.end();
        if (!wanted || assignment.size() == name.size()) continue;
        has_path = has_path || name == "PATH";
        builder.set(name, assignment.substr(name.size() + 1));
    }
    if (!has_path) builder.set("PATH", kPath);
    builder.set("USER", account.user);
    builder.set("LOGNAME", account.user);
    builder.set("HOME", account.home);
    builder.set("SHELL", account.shell);
    return builder.finish();
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

// The name of a file is left as it is. An abstract one is any bytes, zeros among them, unix(7).
static std::string unix_peer(const SocketAddress& peer) {
    if (peer.host().empty()) return {};
    const std::string file = peer.unix_file();
    return file.empty() ? peer.to_string() : file;
}

Environment peer_environment(const SocketAddress& peer, const SocketAddress& local, int protocol) {
    Environment environment;
    environment.reserve(256); // of IPv4, and most of IPv6
    if (local.family() == AF_UNIX) {
        environment.set("PROTO", "UNIX");
        environment.set("UNIXLOCALPATH", local.host());
        environment.set("SERVER_ADDR", local.host());
        if (const std::string name = unix_peer(peer); !name.empty())
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
