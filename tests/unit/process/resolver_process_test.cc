#include "process/resolver_process.h"

#include <array>
#include <csignal>
#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>

using namespace inetd;

static bool readable(int fd) {
    pollfd poll_fd{.fd = fd, .events = POLLIN, .revents = 0};
    return poll(&poll_fd, 1, 60'000) == 1;
}

TEST_CASE("resolver: answers what it is asked and ends with its socket") {
    auto process = start_resolver();
    REQUIRE(process);
    CHECK_FALSE(receive_reply(process->socket.get()));
    // Whether this machine knows of a name does not matter.
    for (int i = 0; i < 2; ++i) {
        REQUIRE(send_inquiry(process->socket.get(),
                             {.client = *SocketAddress::parse_ip("127.0.0.1", 1)}));
        REQUIRE(readable(process->socket.get()));
        const auto reply = receive_reply(process->socket.get());
        REQUIRE(reply);
        CHECK(reply->answered);
    }
    process->socket.reset();
    siginfo_t info{};
    REQUIRE(waitid(P_PIDFD, static_cast<id_t>(process->pidfd.get()), &info, WEXITED) == 0);
    CHECK(info.si_code == CLD_EXITED);
    CHECK(info.si_status == 0);
}

TEST_CASE("resolver: what is no answer is no answer") {
    std::array<int, 2> ends{};
    REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) == 0);
    const Fd ours(ends[0]);
    Fd theirs(ends[1]);
    const auto say = [&](std::string_view text) {
        REQUIRE(send(theirs.get(), text.data(), text.size(), 0) ==
                static_cast<ssize_t>(text.size()));
        return receive_reply(ours.get());
    };
    CHECK_FALSE(say("?"));
    CHECK(say("u")->names == HostNames{});
    CHECK_FALSE(say("r")->admitted);
    CHECK(say("a")->admitted);
    using namespace std::string_view_literals;
    const auto names = say("ka.example\0b.example\0half"sv);
    CHECK(names->names.state == HostNames::State::known);
    CHECK(names->names.names == std::vector<std::string>{"a.example", "b.example"});
    theirs.reset();
    CHECK_FALSE(receive_reply(ours.get()));
}
