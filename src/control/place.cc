#include "control/place.h"

#include "base/address.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace inetd::control {

static constexpr int kBacklog = 16;

// Only what is missing; that it cannot be made shows when the socket is bound.
static void make_directories(const std::string& path) {
    for (std::size_t slash = path.find('/', 1); slash != std::string::npos;
         slash = path.find('/', slash + 1))
        mkdir(path.substr(0, slash).c_str(), 0755);
}

static bool is_stale(const SocketAddress& address) {
    const Fd probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    return probe && connect(probe.get(), address.data(), address.size()) != 0 &&
           errno == ECONNREFUSED;
}

// Or a new socket could not be bound there while a way back to the binary before has a copy of the
// one that we have. Its credentials are those of listen(2), and an exec does not change the pid.
static Error given_up(const std::string& path, Error error) {
    const auto address = SocketAddress::unix_path(path);
    const Fd probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    ucred peer{};
    socklen_t size = sizeof peer;
    if (probe && address && connect(probe.get(), address->data(), address->size()) == 0 &&
        getsockopt(probe.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.pid == getpid())
        unlink(path.c_str());
    return error;
}

static Result<Listening> identify(const Place& place, Fd fd) {
    struct stat status {};
    if (lstat(place.path.c_str(), &status) != 0) return errno_error(place.path);
    return Listening{std::move(fd), status.st_dev, status.st_ino};
}

Result<Listening> listen_at(const Place& place) {
    const auto address = SocketAddress::unix_path(place.path);
    if (!address) return Error{"bind " + place.path, ENAMETOOLONG};
    Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return errno_error("socket");
    make_directories(place.path);
    // Nobody may connect before the group and the mode are right.
    const mode_t before = umask(0777);
    int bound = bind(fd.get(), address->data(), address->size());
    if (bound != 0 && errno == EADDRINUSE) {
        struct stat status {};
        const bool is_socket = lstat(place.path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode);
        if (is_socket && is_stale(*address) && unlink(place.path.c_str()) == 0)
            bound = bind(fd.get(), address->data(), address->size());
        else
            errno = is_socket ? EADDRINUSE : EEXIST;
    }
    const int code = errno;
    umask(before);
    if (bound != 0) return Error{"bind " + place.path, code};
    if (auto set = set_access(place); !set) {
        unlink(place.path.c_str());
        return set.error();
    }
    if (listen(fd.get(), kBacklog) != 0) {
        // Without its code: that the place is another's shows when it is bound.
        Error error{errno_error("listen " + place.path).text(), 0};
        unlink(place.path.c_str());
        return error;
    }
    return identify(place, std::move(fd));
}

Result<void> set_access(const Place& place) {
    const char* path = place.path.c_str();
    const gid_t group = place.group != static_cast<gid_t>(-1) ? place.group : getegid();
    if (fchownat(AT_FDCWD, path, static_cast<uid_t>(-1), group, AT_SYMLINK_NOFOLLOW) != 0)
        return errno_error("chown " + place.path);
    if (chmod(path, place.mode) != 0) return errno_error("chmod " + place.path);
    return {};
}

Result<Listening> take_over_at(const Place& place, Fd fd) {
    const auto bound = SocketAddress::bound_to(fd.get());
    if (!bound) return given_up(place.path, errno_error("getsockname"));
    if (bound->unix_file() != place.path) {
        unlink(bound->unix_file().c_str());
        return Error{"it is not that of " + place.path, 0};
    }
    if (fcntl(fd.get(), F_SETFD, FD_CLOEXEC) != 0)
        return given_up(place.path, errno_error("fcntl"));
    if (auto set = set_access(place); !set) return given_up(place.path, set.error());
    auto listening = identify(place, std::move(fd));
    if (!listening) return given_up(place.path, listening.error());
    return listening;
}

void remove_file(const Place& place, const Listening& ours) {
    struct stat status {};
    if (lstat(place.path.c_str(), &status) == 0 && status.st_dev == ours.device &&
        status.st_ino == ours.inode)
        unlink(place.path.c_str());
}

} // namespace inetd::control
