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

bool Flow::fail() {
    if (errno == EAGAIN || errno == EINTR) return false;
    state_ = State::broken;
    error_ = errno;
    return false;
}

// False: no more at present, as the state says.
bool Flow::fill(int from, int to, PipePool& pool) {
    state_ = State::input;
    if (!pipe_) pipe_ = pool.borrow();
    if (!pipe_) {
        state_ = State::starved;
        return false;
    }
    const ssize_t got = splice(from, nullptr, pipe_.in.get(), nullptr, kChunk, kFlags);
    if (got < 0) return fail();
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
    if (put < 0) return fail();
    held_ -= static_cast<std::uint32_t>(put);
    bytes_ += static_cast<std::uint64_t>(put);
    return true;
}

bool Flow::pump(int from, int to, PipePool& pool) {
    bool progress = false;
    for (int chunk = 0; chunk < kChunksInTurn && state_ < State::over; ++chunk) {
        if (held_ == 0 && !fill(from, to, pool)) break;
        if (!empty(to)) break;
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
