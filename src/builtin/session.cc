#include "builtin/session.h"

#include "builtin/responders.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace inetd {

// Two pointers of its list node come on top.
static_assert(sizeof(Session) <= 160);

// From how much in one turn on there is clearly less to do for two splices than for two copies; at
// 4 KiB it is the other way round.
static constexpr std::size_t kBulk = std::size_t{16} * 1024;
// As much as a pipe holds unless somebody asks for more, pipe(7).
static constexpr std::size_t kPipeful = std::size_t{64} * 1024;

static Session::Turn failure(bool progress = false) {
    if (errno == EAGAIN || errno == EINTR) return {.progress = progress};
    return {.progress = progress, .over = true, .error = errno};
}

Session::Session(ServiceConfigPtr service, Fd fd, const SocketAddress& peer,
                 std::shared_ptr<void> lease, TimePoint now)
    : touched(now),
      service_(std::move(service)),
      lease_(std::move(lease)),
      started_(now),
      kind_(kind_of(fd.get())),
      fd_(std::move(fd)) {
    if (peer.family() != AF_UNIX && peer.size() <= peer_.size()) {
        std::memcpy(peer_.data(), peer.data(), peer.size());
        peer_size_ = static_cast<std::uint8_t>(peer.size());
    }
    if (peer.is_ip()) {
        // TCP and MPTCP; others refuse, which does no harm. Nagle's algorithm and delayed
        // acknowledgements together cost 40 ms a message.
        const int on = 1;
        setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
}

void Session::restore(const SessionState& state) {
    started_ = state.started;
    bytes_in_ = state.bytes_in;
    bytes_out_ = state.bytes_out;
    keep(state.left);
    input_closed_ = state.input_closed;
    position_ = static_cast<std::uint16_t>(state.position % kChargenCycle);
}

SessionState Session::state() const {
    return {.fd = fd_.get(),
            .service = service_,
            .peer = SocketAddress(peer_.data(), peer_size_),
            .started = started_,
            .bytes_in = bytes_in_,
            .bytes_out = bytes_out_,
            .left = left_ ? std::string(left_.get() + left_begin_, left_end_ - left_begin_) : "",
            .input_closed = input_closed_,
            .position = position_};
}

void Session::keep(std::string_view rest) {
    if (rest.empty()) return;
    left_ = std::make_unique_for_overwrite<char[]>(rest.size());
    std::memcpy(left_.get(), rest.data(), rest.size());
    left_begin_ = 0;
    left_end_ = static_cast<std::uint32_t>(rest.size());
}

Session::Kind Session::kind_of(int fd) {
    const auto option = [fd](int name) {
        int value = 0;
        socklen_t size = sizeof value;
        return getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 ? value : 0;
    };
    const int protocol = option(SO_PROTOCOL);
    if (protocol == IPPROTO_TCP) return Kind::tcp;
    // sctp(7): a one-to-one socket is a SOCK_STREAM of messages, and refuses one beyond its buffer.
    if (protocol == IPPROTO_SCTP || option(SO_TYPE) == SOCK_SEQPACKET) return Kind::packets;
    return Kind::stream;
}

SocketAddress Session::peer() const {
    if (peer_size_ > 0) return {peer_.data(), peer_size_};
    // A unix socket knows its peer's name even when the peer is gone.
    return SocketAddress::peer_of(fd_.get()).value_or(SocketAddress());
}

std::uint32_t Session::wanted() const {
    if (service_->builtin == Builtin::chargen) return input_closed_ ? EPOLLOUT : EPOLLIN | EPOLLOUT;
    return left_ ? EPOLLOUT : EPOLLIN;
}

Session::Turn Session::turn(std::uint32_t events, Scratch& scratch) {
    switch (service_->builtin) {
    case Builtin::echo:
        return left_ ? flush() : echo(scratch);
    case Builtin::chargen:
        return chargen(events, scratch.bytes);
    default:
        return discard(scratch.bytes);
    }
}

ssize_t Session::receive(std::span<char> scratch, int flags) const {
    // With MSG_TRUNC a packet socket returns the true length, so that half a packet is not taken
    // for a whole one.
    const int truncated = kind_ == Kind::packets ? MSG_TRUNC : 0;
    const ssize_t got =
        recv(fd_.get(), scratch.data(), scratch.size(), flags | truncated | MSG_DONTWAIT);
    if (got > static_cast<ssize_t>(scratch.size())) {
        errno = EMSGSIZE;
        return -1;
    }
    return got;
}

ssize_t Session::transmit(const char* data, std::size_t size) const {
    return send(fd_.get(), data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
}

// After a read of nothing, which on a packet socket may as well have been an empty packet.
bool Session::at_end() const {
    if (kind_ != Kind::packets) return true;
    pollfd state{.fd = fd_.get(), .events = POLLRDHUP, .revents = 0};
    int waiting = 0;
    return poll(&state, 1, 0) == 1 && ioctl(fd_.get(), FIONREAD, &waiting) == 0 && waiting == 0;
}

Session::Turn Session::echo(Scratch& scratch) {
    if (in_bulk_) {
        const Turn turn = pass(scratch.pipe);
        if (turn.progress || turn.over) return turn;
    }
    const ssize_t got = receive(scratch.bytes, 0);
    if (got < 0) return failure();
    if (got == 0 && at_end()) return {.over = true};
    const auto size = static_cast<std::size_t>(got);
    bytes_in_ += size;
    // Where the socket may block, so may splice(2), whatever its flags say.
    in_bulk_ =
        kind_ == Kind::tcp && size >= kBulk && fcntl(fd_.get(), F_SETFL, O_RDWR | O_NONBLOCK) == 0;
    const char* bytes = scratch.bytes.data();
    const ssize_t sent = transmit(bytes, size);
    if (sent == got) {
        bytes_out_ += size;
        return {.progress = true};
    }
    const Turn failed = sent < 0 ? failure(true) : Turn{};
    if (failed.over) return failed;
    const std::size_t done = sent < 0 ? 0 : static_cast<std::size_t>(sent);
    bytes_out_ += done;
    keep({bytes + done, size - done});
    return {.progress = true};
}

// Neither progress nor over: there is nothing, the end, or what recv(2) knows how to treat and
// splice(2) does not, as urgent data.
Session::Turn Session::pass(Pipe& pipe) {
    constexpr unsigned kFlags = SPLICE_F_NONBLOCK | SPLICE_F_MOVE;
    in_bulk_ = false;
    if (!pipe) pipe = make_pipe();
    if (!pipe) return {};
    enlarge(pipe);
    const ssize_t got = splice(fd_.get(), nullptr, pipe.in.get(), nullptr, kPipeful, kFlags);
    if (got <= 0) return {};
    const auto size = static_cast<std::size_t>(got);
    bytes_in_ += size;
    const ssize_t sent = splice(pipe.out.get(), nullptr, fd_.get(), nullptr, size, kFlags);
    const Turn failed = sent < 0 ? failure(true) : Turn{};
    if (failed.over) {
        pipe = {};
        return failed;
    }
    const std::size_t done = sent < 0 ? 0 : static_cast<std::size_t>(sent);
    bytes_out_ += done;
    if (done < size && !keep(pipe, size - done)) {
        // Nothing of one client may ever be found there by another.
        pipe = {};
        return {.over = true, .error = EIO};
    }
    in_bulk_ = size >= kBulk;
    return {.progress = true};
}

// Takes what a short write left in the pipe; false if that is not all to be had.
bool Session::keep(const Pipe& pipe, std::size_t size) {
    left_ = std::make_unique_for_overwrite<char[]>(size);
    left_begin_ = 0;
    left_end_ = static_cast<std::uint32_t>(size);
    return read(pipe.out.get(), left_.get(), size) == static_cast<ssize_t>(size);
}

Session::Turn Session::flush() {
    const ssize_t sent = transmit(left_.get() + left_begin_, left_end_ - left_begin_);
    if (sent < 0) return failure();
    bytes_out_ += static_cast<std::uint64_t>(sent);
    left_begin_ += static_cast<std::uint32_t>(sent);
    if (left_begin_ == left_end_) left_.reset();
    return {.progress = true};
}

Session::Turn Session::discard(std::span<char> scratch) {
    // tcp(7): with MSG_TRUNC the kernel drops the bytes instead of copying them. Other kinds of
    // stream either copy all the same or refuse.
    const ssize_t got = receive(scratch, kind_ == Kind::tcp ? MSG_TRUNC : 0);
    if (got < 0) return failure();
    if (got == 0 && at_end()) return {.over = true};
    bytes_in_ += static_cast<std::uint64_t>(got);
    return {.progress = true};
}

Session::Turn Session::chargen(std::uint32_t events, std::span<char> scratch) {
    Turn turn;
    if ((events & EPOLLIN) != 0 && !input_closed_) {
        turn = discard(scratch);
        if (turn.error != 0) return turn;
        // RFC 864: data goes on until the user stops it; a closed sending half does not stop it.
        input_closed_ = turn.over;
        turn.over = false;
    }
    if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0) return turn;
    const std::string_view block = chargen_block();
    // Packets have to fit the send buffer whole, so they carry a line each.
    const std::size_t size = kind_ == Kind::packets ? kChargenLine : block.size() - position_;
    const ssize_t sent = transmit(block.data() + position_, size);
    if (sent < 0) return failure(turn.progress);
    bytes_out_ += static_cast<std::uint64_t>(sent);
    position_ =
        static_cast<std::uint16_t>((position_ + static_cast<std::size_t>(sent)) % kChargenCycle);
    return {.progress = true};
}

} // namespace inetd
