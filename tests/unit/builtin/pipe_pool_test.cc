#include "builtin/pipe_pool.h"

#include <algorithm>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <vector>

using namespace inetd;

static std::size_t size_of(const Pipe& pipe) {
    return static_cast<std::size_t>(fcntl(pipe.in.get(), F_GETPIPE_SZ));
}

// What an unprivileged user may have in all is pipe-user-pages-soft in pipe(7): 64 of the large.
TEST_CASE("pipe pool: the first few are large, however many are lent") {
    const std::size_t usual = size_of(make_pipe());
    const std::size_t large = std::max(usual, kLargePipe);
    PipePool pool(100);
    std::vector<Pipe> lent;
    for (std::size_t n = 0; n < PipePool::kSpare + 3; ++n) {
        lent.push_back(pool.borrow());
        REQUIRE(lent.back());
        CHECK(size_of(lent.back()) == (n < PipePool::kSpare ? large : usual));
    }
    // The others stay as they are spared, and are large when they are lent again.
    while (!lent.empty()) {
        pool.give_back(std::move(lent.back()));
        lent.pop_back();
    }
    CHECK(pool.lent() == 0);
    CHECK(pool.spare() == PipePool::kSpare);
    for (std::size_t n = 0; n < PipePool::kSpare; ++n) {
        lent.push_back(pool.borrow());
        CHECK(size_of(lent.back()) == large);
    }
}

TEST_CASE("pipe pool: it lends no more than it may") {
    PipePool pool(1);
    Pipe pipe = pool.borrow();
    REQUIRE(pipe);
    CHECK_FALSE(pool.borrow());
    pool.discard(std::move(pipe));
    CHECK(pool.spare() == 0);
    CHECK(pool.borrow());
}
