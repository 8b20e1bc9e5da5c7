#include "server/resolver_pool.h"

#include <doctest/doctest.h>
#include <fmt/core.h>

namespace inetd {

using namespace std::chrono_literals;

static Inquiry of(const char* client) {
    return {.client = *SocketAddress::parse_ip(client, 0)};
}

TEST_CASE("resolver pool: one network cannot fill it, however often it comes") {
    EventLoop loop;
    ResolverPool pool(loop, [](const Error&) {});
    std::size_t refused = 0;
    const auto count = [&](const InquiryReply& reply) { refused += reply.answered ? 0 : 1; };
    for (std::size_t i = 0; i < ResolverPool::kMostWaitingOfOne; ++i)
        pool.ask(of(i % 2 == 0 ? "127.0.0.1" : "127.0.0.2"), count);
    CHECK(refused == 0);
    CHECK(pool.waiting() == ResolverPool::kMostWaitingOfOne);
    pool.ask(of("127.0.0.1"), count);
    pool.ask(of("127.0.0.3"), count);
    CHECK(refused == 2);
    pool.ask(of("127.0.1.1"), count);
    CHECK(refused == 2);
    CHECK(pool.waiting() == ResolverPool::kMostWaitingOfOne + 1);
    pool.stop_all();
    CHECK(pool.waiting() == 0);
    CHECK(refused == 2);
}

TEST_CASE("resolver pool: two networks cannot fill it, though each address is another question") {
    EventLoop loop;
    ResolverPool pool(loop, [](const Error&) {});
    std::size_t refused = 0;
    const auto count = [&](const InquiryReply& reply) { refused += reply.answered ? 0 : 1; };
    for (const char* network : {"127.0.1", "127.0.2"})
        for (std::size_t i = 0; i < ResolverPool::kMostWaitingOfOne; ++i)
            pool.ask(of(fmt::format("{}.{}", network, i).c_str()), count);
    pool.ask(of("127.0.3.1"), count);
    CHECK(refused == 0);
    CHECK(pool.waiting() == 2 * ResolverPool::kMostWaitingOfOne + 1);
    pool.stop_all();
}

} // namespace inetd
