#include "builtin/flow.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <utility>

namespace inetd {

static constexpr unsigned kFlags = SPLICE_F_NONBLOCK | SPLICE_F_MOVE;

Flow::Flow(const FlowState& state, PipePool& pool) : bytes_(state.bytes) {
    if (state.over) state_ = State::over;
    pipe_ = {Fd(state.out), Fd(state.in)};
    if (!pipe_) return;
    pool.adopt();
    int held = 0;
    if (ioctl(pipe_.out.get(), FIONREAD, &held) == 0) held_ = static_cast<std::uint32_t>(held);
    if (held_ != 0 && state_ == State::input) state_ = State::output;
    rest(pool);
}

FlowState Flow::state_to_hand_over() const {
    return {.out = pipe_.out.get(),
            .in = pipe_.in.get(),
            .over = state_ == State::over,
            .bytes = bytes_};
}

static bool only_later(int code) {
    return code == EAGAIN || code == EINTR;
}

bool Flow::fail(int code) {
    if (only_later(code)) return false;
    state_ = State::broken;
    error_ = code;
    return false;
}

static bool is_tcp(int fd) {
    int domain = 0;
    socklen_t size = sizeof domain;
    return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain != AF_UNIX;
}

// splice(2) stops before the urgent byte of tcp(7) as if nothing were there, or as if the stream
// ended there, while epoll reports it. To a unix socket it goes like any other: a server that does
// not know of urgent data would never see it there.
Flow::Urgent Flow::pass_urgent(int from, int to) {
    int at_mark = 0;
    char byte = 0;
    if (ioctl(from, SIOCATMARK, &at_mark) != 0 || at_mark == 0) return Urgent::none;
    // Announced, perhaps, and still on its way.
    if (recv(from, &byte, 1, MSG_PEEK | MSG_DONTWAIT) != 1) return Urgent::none;
    const int urgent = is_tcp(to) ? MSG_OOB : 0;
    if (send(to, &byte, 1, urgent | MSG_DONTWAIT | MSG_NOSIGNAL) != 1) {
        state_ = State::output;
        fail(errno);
        return Urgent::stuck;
    }
    static_cast<void>(recv(from, &byte, 1, MSG_DONTWAIT));
    ++bytes_;
    return Urgent::passed;
}

// False: no more at present, as the state says. `first`: of this turn. After others a mark can
// wait, as what is behind it is reported again.
bool Flow::fill(int from, int to, PipePool& pool, bool first) {
    state_ = State::input;
    if (!pipe_) pipe_ = pool.borrow();
    if (!pipe_) {
        state_ = State::starved;
        return false;
    }
    const ssize_t got = splice(from, nullptr, pipe_.in.get(), nullptr, kChunk, kFlags);
    const int code = got < 0 ? errno : 0;
    if (got == 0 || (first && only_later(code))) {
        const Urgent urgent = pass_urgent(from, to);
        if (urgent != Urgent::none) return urgent == Urgent::passed;
    }
    if (got < 0) return fail(code);
    if (got == 0) {
        state_ = State::over;
        // ENOTCONN: the other side is gone already, which its own events tell.
        shutdown(to, SHUT_WR);
        return false;
    }
    held_ = static_cast<std::uint32_t>(got);
    return true;
}

bool Flow::empty(int to) {
    state_ = State::output;
    const ssize_t put = splice(pipe_.out.get(), nullptr, to, nullptr, held_, kFlags);
    if (put < 0) return fail(errno);
    held_ -= static_cast<std::uint32_t>(put);
    bytes_ += static_cast<std::uint64_t>(put);
    return true;
}

bool Flow::pump(int from, int to, PipePool& pool) {
    if (state_ >= State::over) return false;
    bool progress = false;
    for (int chunk = 0; chunk < kChunksInTurn && state_ < State::over; ++chunk) {
        if (held_ == 0 && !fill(from, to, pool, !progress)) break;
        if (held_ != 0 && !empty(to)) break;
        progress = true;
        if (held_ == 0) state_ = State::input;
    }
    rest(pool);
    return progress || state_ == State::over;
}

void Flow::rest(PipePool& pool) {
    if (!pipe_) return;
    if (held_ == 0) {
        pool.give_back(std::exchange(pipe_, {}));
    } else if (state_ >= State::over) {
        held_ = 0;
        pool.discard(std::exchange(pipe_, {}));
    }
}

void Flow::drop(PipePool& pool) {
    if (state_ < State::over) state_ = State::over;
    rest(pool);
}

} // namespace inetd
