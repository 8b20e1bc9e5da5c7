#include "net/peer_user.h"

#include "base/fd.h"

#include <array>
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace inetd;

TEST_CASE("peer user: who has connected a unix socket, and his groups") {
    std::array<int, 2> ends{};
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
    const Fd one(ends[0]);
    const Fd other(ends[1]);
    const auto user = peer_user(one.get());
    REQUIRE(user);
    CHECK(user->user == geteuid());
    REQUIRE_FALSE(user->groups.empty());
    CHECK(user->groups.front() == getegid());
    CHECK(user->groups.size() == static_cast<std::size_t>(getgroups(0, nullptr)) + 1);
}

TEST_CASE("peer user: nobody at the end of another socket") {
    const Fd tcp(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    CHECK_FALSE(peer_user(tcp.get()));
    CHECK_FALSE(peer_user(-1));
}
