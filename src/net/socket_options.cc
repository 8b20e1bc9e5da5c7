#include "net/socket_options.h"

#include <array>
#include <cerrno>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string>
#include <sys/socket.h>
#include <vector>

namespace inetd {

namespace {

struct Option {
    const char* name; // of its key
    int level;
    int number;
    int value;
};

} // namespace

static bool is_tcp(const ListenSpec& spec) {
    return spec.protocol == IPPROTO_TCP || spec.protocol == IPPROTO_MPTCP;
}

static std::string what(const std::string& option, const ListenSpec& spec) {
    return option + " of " + spec.address.to_string();
}

static std::vector<Option> wanted(const ListenSpec& spec, const SocketOptions& options) {
    const bool v6 = spec.address.family() == AF_INET6;
    const int mark = static_cast<int>(options.mark);
    std::vector<Option> all{
        {"mark", SOL_SOCKET, SO_MARK, mark},
    };
    // Neither can be taken back from a socket that is bound: the kernel has decided by then, and
    // lets others in by what the port's first socket was bound with.
    if (options.reuse_port) all.push_back({"reuse_port", SOL_SOCKET, SO_REUSEPORT, 1});
    if (options.freebind)
        all.push_back(
            {"freebind", v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_FREEBIND : IP_FREEBIND, 1});
    if (v6) all.push_back({"tos", IPPROTO_IPV6, IPV6_TCLASS, options.tos});
    if (!v6 || spec.dual_stack) all.push_back({"tos", IPPROTO_IP, IP_TOS, options.tos});
    if (is_tcp(spec)) {
        all.push_back({"keepalive", SOL_SOCKET, SO_KEEPALIVE, options.keepalive ? 1 : 0});
        all.push_back({"nodelay", IPPROTO_TCP, TCP_NODELAY, options.nodelay ? 1 : 0});
        // Read back it is the time of so many retransmissions, tcp(7); 0 is 0 in any case.
        all.push_back({"defer_accept", IPPROTO_TCP, TCP_DEFER_ACCEPT, options.defer_accept});
    }
    return all;
}

static Result<void> set_device(int fd, const ListenSpec& spec, const std::string& device) {
    std::array<char, IF_NAMESIZE> current{};
    socklen_t size = current.size();
    if (getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, current.data(), &size) == 0 &&
        device == current.data())
        return {};
    if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device.c_str(),
                   static_cast<socklen_t>(device.size())) == 0)
        return {};
    return errno_error(what(device.empty() ? "bind_to_device" : "bind_to_device " + device, spec));
}

Result<void> set_ip_options(int fd, const ListenSpec& spec, const SocketOptions& options) {
    if (!spec.address.is_ip()) return {};
    if (auto set = set_device(fd, spec, options.device); !set) return set;
    for (const Option& option : wanted(spec, options)) {
        // What a kind of socket does not know (MPTCP has few of these) is as good as 0.
        int current = 0;
        socklen_t size = sizeof current;
        getsockopt(fd, option.level, option.number, &current, &size);
        if (current != option.value &&
            setsockopt(fd, option.level, option.number, &option.value, sizeof option.value) != 0)
            return errno_error(what(option.name, spec));
    }
    return {};
}

} // namespace inetd
