#include "builtin/pipe_pool.h"

#include <array>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

namespace inetd {

Pipe make_pipe() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) return {};
    return {Fd(ends[0]), Fd(ends[1])};
}

void enlarge(Pipe& pipe) {
    if (std::exchange(pipe.large, true)) return;
    constexpr int kSize = kLargePipe;
    // It has more by itself where a page is large.
    if (fcntl(pipe.in.get(), F_GETPIPE_SZ) < kSize) fcntl(pipe.in.get(), F_SETPIPE_SZ, kSize);
}

Pipe PipePool::borrow() {
    if (lent_ >= most_) return {};
    Pipe pipe;
    if (!spare_.empty()) {
        pipe = std::move(spare_.back());
        spare_.pop_back();
    } else {
        pipe = make_pipe();
        if (!pipe) return {};
    }
    if (lent_ < kSpare) enlarge(pipe);
    ++lent_;
    return pipe;
}

void PipePool::give_back(Pipe pipe) {
    --lent_;
    if (spare_.size() < kSpare) spare_.push_back(std::move(pipe));
}

void PipePool::discard(Pipe pipe) {
    --lent_;
    pipe = {};
}

} // namespace inetd
