#include "net/socket.h"

#include "net/socket_options.h"

#include <cerrno>
#include <climits>
#include <fcntl.h>
#include <sys/stat.h>

namespace inetd {

const char* socket_type_name(int type) {
    switch (type) {
    case SOCK_STREAM:
        return "stream";
    case SOCK_DGRAM:
        return "dgram";
    case SOCK_SEQPACKET:
        return "seqpacket";
    default:
        return "raw";
    }
}

static bool has_connections(int type) {
    return type == SOCK_STREAM || type == SOCK_SEQPACKET;
}

static bool set_option(int fd, int level, int name, int value) {
    return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

// The *FORCE variants exceed net.core.[rw]mem_max and need CAP_NET_ADMIN, socket(7).
static void set_buffer(int fd, int force, int plain, int bytes) {
    if (bytes > 0 && !set_option(fd, SOL_SOCKET, force, bytes))
        set_option(fd, SOL_SOCKET, plain, bytes);
}

static void set_buffers(int fd, const SocketOptions& options) {
    set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, options.send_buffer);
    set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, options.receive_buffer);
}

static Result<void> set_file_access(const std::string& path, const SocketOptions& options) {
    if (fchownat(AT_FDCWD, path.c_str(), options.owner, options.group, AT_SYMLINK_NOFOLLOW) != 0)
        return errno_error("chown " + path);
    if (chmod(path.c_str(), options.mode) != 0) return errno_error("chmod " + path);
    return {};
}

Result<void> start_listening(int fd, const ListenSpec& spec, const SocketOptions& options) {
    if (!has_connections(spec.type)) return {};
    // listen(2): the kernel cuts the number to net.core.somaxconn.
    if (listen(fd, options.backlog > 0 ? options.backlog : INT_MAX) != 0)
        return errno_error("listen " + spec.address.to_string());
    return {};
}

// A socket file outlives its process. One that refuses connections has nobody behind it.
static bool is_stale(const SocketAddress& address, int type) {
    const Fd probe(socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    return probe && connect(probe.get(), address.data(), address.size()) != 0 &&
           errno == ECONNREFUSED;
}

static Result<void> bind_unix(int fd, const ListenSpec& spec, const SocketOptions& options) {
    const SocketAddress& address = spec.address;
    const std::string path = address.unix_file();
    // Nobody may connect before the owner and the mode are what the configuration says.
    const mode_t before = umask(0777);
    int bound = bind(fd, address.data(), address.size());
    if (bound != 0 && errno == EADDRINUSE && !path.empty()) {
        struct stat status {};
        if (lstat(path.c_str(), &status) == 0 && !S_ISSOCK(status.st_mode)) {
            umask(before);
            return Error{"bind " + path + ": the file exists and is not a socket", 0};
        }
        if (is_stale(address, spec.type) && unlink(path.c_str()) == 0)
            bound = bind(fd, address.data(), address.size());
        else
            errno = EADDRINUSE;
    }
    const int code = errno;
    umask(before);
    if (bound != 0) return Error{"bind " + address.to_string(), code};
    if (path.empty()) return {};
    auto set = set_file_access(path, options);
    // Nobody but root could find out next time that there is nobody behind it.
    if (!set) unlink(path.c_str());
    return set;
}

Result<void> share_port(int fd) {
    if (!set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1)) return errno_error("SO_REUSEPORT");
    return {};
}

Result<Fd> open_socket(const ListenSpec& spec, const SocketOptions& options,
                       const PrepareSocket& prepare) {
    const SocketAddress& address = spec.address;
    Fd fd(socket(address.family(), spec.type | SOCK_CLOEXEC | SOCK_NONBLOCK, spec.protocol));
    if (!fd) return errno_error("socket " + address.to_string());
    set_buffers(fd.get(), options);
    if (auto set = set_ip_options(fd.get(), spec, options); !set) return set.error();
    if (prepare) {
        if (auto prepared = prepare(fd.get()); !prepared) return prepared.error();
    }

    if (address.family() == AF_UNIX) {
        if (auto bound = bind_unix(fd.get(), spec, options); !bound) return bound.error();
    } else {
        if (has_connections(spec.type)) set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
        if (address.family() == AF_INET6)
            set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, spec.dual_stack ? 0 : 1);
        if (bind(fd.get(), address.data(), address.size()) != 0)
            return errno_error("bind " + address.to_string());
    }
    if (auto listening = start_listening(fd.get(), spec, options); !listening)
        return listening.error();
    return fd;
}

Result<void> apply_options(int fd, const ListenSpec& spec, const SocketOptions& options,
                           bool ours) {
    set_buffers(fd, options);
    if (ours) {
        if (auto set = set_ip_options(fd, spec, options); !set) return set;
    }
    if (const std::string path = spec.address.unix_file(); ours && !path.empty()) {
        if (auto set = set_file_access(path, options); !set) return set;
    }
    return start_listening(fd, spec, options);
}

void set_blocking(int fd, bool blocking) {
    const int flags = fcntl(fd, F_GETFL);
    const int wanted = blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK;
    if (flags >= 0 && flags != wanted) fcntl(fd, F_SETFL, wanted);
}

bool specs_clash(const ListenSpec& a, const ListenSpec& b) {
    // A path is one file, whatever type of socket it is.
    if (a.address.family() == AF_UNIX) return a.address == b.address;
    if (a.type != b.type || a.protocol != b.protocol) return false;
    if (a.address == b.address) return true;
    if (!a.address.is_ip() || !b.address.is_ip() || a.address.port() != b.address.port())
        return false;
    const bool one_family = a.address.family() == b.address.family();
    if (!one_family && !a.dual_stack && !b.dual_stack) return false;
    return a.address.is_wildcard() || b.address.is_wildcard();
}

SocketAddress own_address(int fd) {
    return SocketAddress::bound_to(fd).value_or(SocketAddress());
}

SocketFile identify_file(const SocketAddress& address) {
    struct stat status {};
    const std::string path = address.unix_file();
    if (path.empty() || lstat(path.c_str(), &status) != 0) return {};
    return {status.st_dev, status.st_ino};
}

void remove_file(const SocketAddress& address, const SocketFile& ours) {
    if (ours.inode != 0 && identify_file(address) == ours) unlink(address.unix_file().c_str());
}

} // namespace inetd
