#include "builtin/pipe_pool.h"

#include <array>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

namespace inetd {

Pipe make_pipe(bool large) {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) return {};
    // Who has a right to no more goes on with what there is.
    if (large) fcntl(ends[1], F_SETPIPE_SZ, static_cast<int>(kLargePipe));
    return {Fd(ends[0]), Fd(ends[1])};
}

Pipe PipePool::borrow() {
    if (lent_ >= most_) return {};
    Pipe pipe;
    if (!spare_.empty()) {
        pipe = std::move(spare_.back());
        spare_.pop_back();
    } else {
        pipe = make_pipe(lent_ < kSpare);
        if (!pipe) return {};
    }
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
