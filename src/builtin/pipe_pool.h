#pragma once

#include "base/fd.h"

#include <cstddef>
#include <vector>

namespace inetd {

// A pipe of the kernel, non-blocking at both ends.
struct Pipe {
    Fd out; // read from
    Fd in;  // written to
    bool large = false;

    explicit operator bool() const { return static_cast<bool>(in); }
};

// What a large pipe holds, where the kernel lets it: four times as much as others, with which a
// relay moves half as much again.
inline constexpr std::size_t kLargePipe = std::size_t{256} * 1024;

// Empty if the kernel has no more (EMFILE, ENFILE).
[[nodiscard]] Pipe make_pipe();
// What large ones hold counts for their user as a whole, whose other pipes become tiny where that
// is much (pipe-user-pages-soft in pipe(7)). Who has a right to no more goes on with what there is.
void enlarge(Pipe& pipe);

// Lends pipes to what moves data just now, so that what rests needs none. Keeps a few that came
// back, which saves most of the making and lets somebody go on where descriptors have run out.
// Those that are lent while not many are become large.
class PipePool {
  public:
    static constexpr std::size_t kSpare = 32;

    // At most so many are lent at a time.
    explicit PipePool(std::size_t most) : most_(most) {}

    // Empty if all are lent or the kernel has no more (EMFILE, ENFILE).
    [[nodiscard]] Pipe borrow();
    // Counts one that was lent in another process.
    void adopt() { ++lent_; }
    // With nothing in it.
    void give_back(Pipe pipe);
    // With something in it: it is closed.
    void discard(Pipe pipe);

    [[nodiscard]] std::size_t lent() const { return lent_; }
    [[nodiscard]] std::size_t spare() const { return spare_.size(); }

  private:
    std::size_t most_;
    std::size_t lent_ = 0;
    std::vector<Pipe> spare_;
};

} // namespace inetd
