#include "net/listener.h"

#include "net/repair.h"

#include <cerrno>
#include <poll.h>
#include <utility>

namespace inetd {

Listener::Listener(Fd fd, const SocketAddress& address, Holder holder)
    : fd_(std::move(fd)), holder_(holder) {
    if (holder != Holder::unit && !address.unix_file().empty())
        file_ = std::make_unique<File>(address);
}

Result<Listener> Listener::open(const ListenSpec& spec, const SocketOptions& options,
                                const PrepareSocket& prepare) {
    auto fd = open_socket(spec, options, prepare);
    if (!fd) return fd.error();
    return Listener(std::move(*fd), spec.address, Holder::nobody);
}

static Result<void> fit(int fd, const ListenSpec& spec, const SocketOptions& options,
                        const PrepareSocket& prepare, bool ours) {
    if (prepare) {
        if (auto prepared = prepare(fd); !prepared) return prepared;
    }
    return apply_options(fd, spec, options, ours);
}

Result<Listener> Listener::adopt(InheritedSocket& from, const ListenSpec& spec,
                                 const SocketOptions& options, const PrepareSocket& prepare,
                                 bool lent) {
    const bool ours = from.holder != Holder::unit;
    if (auto fits = fit(from.fd.get(), spec, options, prepare, ours); !fits) return fits.error();
    if (!lent) set_blocking(from.fd.get(), false);
    Listener listener(std::move(from.fd), spec.address, from.holder);
    listener.was_lent_ = lent || from.was_lent;
    return listener;
}

Result<void> Listener::apply(const ListenSpec& spec, const SocketOptions& options) const {
    return apply_options(fd_.get(), spec, options, holder_ != Holder::unit);
}

void Listener::lend() {
    set_blocking(fd_.get(), true);
    was_lent_ = true;
}

std::string Listener::Repair::text() const {
    std::string found;
    for (const auto& [is_so, word] :
         {std::pair(was_shut, "shut down"), std::pair(was_connected, "connected"),
          std::pair(was_filtered, "filtered")})
        if (is_so) found += std::string(found.empty() ? "" : " and ") + word;
    found = found.empty() ? "is of no use any more" : "was " + found + " by a server";
    return cause.empty() ? found : found + " (" + cause + ")";
}

static Listener::Repair hopeless(Listener::Repair repair, std::string cause) {
    repair.undone = false;
    repair.cause = std::move(cause);
    return repair;
}

Listener::Repair Listener::repair(const ListenSpec& spec, const SocketOptions& options) const {
    Repair repair;
    const int fd = fd_.get();
    repair.was_shut = is_shut_down(fd);
    // Where it was TCP's, that brings it back to life with all its options (tcp_disconnect in
    // Linux). Without the first a socket that was shut down more than once would listen, but every
    // connection of it be shut down too. The second fails where somebody else has taken the address
    // meanwhile.
    if (repair.was_shut) disconnect(fd);
    if (const auto listening = start_listening(fd, spec, options); !listening)
        return hopeless(std::move(repair), listening.error().text());
    if (repair.was_shut && is_shut_down(fd)) return hopeless(std::move(repair), {});
    repair.was_connected = is_connected(fd);
    if (repair.was_connected && !disconnect(fd))
        return hopeless(std::move(repair), errno_error("connect").text());
    const FilterState filter = remove_filter(fd);
    repair.was_filtered = filter != FilterState::none;
    if (filter == FilterState::locked) return hopeless(std::move(repair), "its filter is locked");
    return repair;
}

Fd Listener::release() {
    if (file_) file_->leave();
    file_.reset();
    return std::move(fd_);
}

void Listener::shut_down() const {
    // With SO_REUSEADDR a socket that does not listen any more is not in the way of bind(2). The
    // kernel clears a child's tid before it closes what is close-on-exec, so there is no waiting
    // for it.
    shutdown(fd_.get(), SHUT_RDWR);
}

bool Listener::has_client() const {
    pollfd item{fd_.get(), POLLIN, 0};
    return poll(&item, 1, 0) == 1;
}

Listener::Accepted Listener::accept(bool blocking) const {
    Accepted result;
    if (was_lent_) {
        // A service that was `wait` once. accept(2) has no flag not to wait, and a process that one
        // of its servers left behind may make the socket block and take clients from it at any
        // time. That leaves it the moment between two system calls, in which both must happen.
        set_blocking(fd_.get(), false);
        if (!has_client()) return result;
    }
    AddressRoom peer;
    const int fd =
        accept4(fd_.get(), peer.data(), &peer.size, SOCK_CLOEXEC | (blocking ? 0 : SOCK_NONBLOCK));
    if (fd >= 0) {
        result.fd.reset(fd);
        result.peer = peer.address();
        result.outcome = Outcome::accepted;
        return result;
    }
    result.code = errno;
    switch (errno) {
    case EAGAIN:
        result.outcome = Outcome::empty;
        break;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case EPERM: // a security module may forbid it for good, and the client stays in the queue
    case EACCES:
        result.outcome = Outcome::exhausted;
        break;
    case EBADF:
    case EINVAL:
    case ENOTSOCK:
    case EOPNOTSUPP:
        result.outcome = Outcome::broken;
        break;
    default:
        // accept(2): Linux passes already-pending network errors of the new socket on.
        result.outcome = Outcome::failed;
        break;
    }
    return result;
}

} // namespace inetd
