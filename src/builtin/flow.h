#pragma once

#include "builtin/pipe_pool.h"

#include <cstdint>

namespace inetd {

// A flow that goes on in another process: what is on its way is in the pipe.
struct FlowState {
    int out = -1; // the ends of its pipe; -1 = it has none
    int in = -1;
    bool over = false;
    std::uint64_t bytes = 0;
};

// One direction of a relay: moves a stream from one socket to another by splice(2), without copying
// it through this process. Borrows a pipe while something is on its way and has none at rest, so a
// peer that does not read costs one pipe, and nothing more is read for it. Urgent data of TCP stays
// urgent, where the other side is TCP as well.
class Flow {
  public:
    enum class State : std::uint8_t {
        input,   // waits until there is something to read
        output,  // waits until it can write what it holds
        starved, // waits for a pipe
        over,    // the end was read, all was written, and the end was passed on
        broken,  // see error()
    };

    Flow() = default;
    // Takes the descriptors.
    Flow(const FlowState& state, PipePool& pool);
    [[nodiscard]] FlowState state_to_hand_over() const;

    // Moves what can be moved now, within bounds, so that no flow keeps the loop to itself. In the
    // state `output` `to` alone has to be waited for, in `input` `from`. SIGPIPE must be blocked or
    // ignored: splice(2) knows no MSG_NOSIGNAL. Where `from` is TCP it has SO_OOBINLINE. True if a
    // byte or the end was moved.
    bool pump(int from, int to, PipePool& pool);
    // Throws away what is held; the flow is over.
    void drop(PipePool& pool);

    [[nodiscard]] State state() const { return state_; }
    [[nodiscard]] int error() const { return error_; }           // errno
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; } // written so far
    [[nodiscard]] std::uint32_t held() const { return held_; }   // read and not yet written

  private:
    static constexpr std::size_t kChunk = kLargePipe;
    static constexpr int kChunksInTurn = 2;

    enum class Urgent : std::uint8_t {
        none,
        passed,
        stuck, // as the state says
    };

    bool fill(int from, int to, PipePool& pool, bool first);
    Urgent pass_urgent(int from, int to);
    bool empty(int to);
    bool fail(int code);
    void rest(PipePool& pool);

    Pipe pipe_;
    std::uint32_t held_ = 0;
    State state_ = State::input;
    int error_ = 0;
    std::uint64_t bytes_ = 0;
};

} // namespace inetd
