// Clients of an echo service that stay connected.

#include "tools.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <netinet/tcp.h>
#include <string>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace bench {

namespace {

int connect_without_delay(int port) {
    const int fd = connect_now(port);
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

// False if the server closed.
bool fill(int fd, char* to, std::size_t size) {
    for (std::size_t done = 0; done < size;) {
        const ssize_t got = read(fd, to + done, size - done);
        if (got <= 0) return false;
        done += static_cast<std::size_t>(got);
    }
    return true;
}

struct Conversation {
    int fd = -1;
    std::size_t left = 0; // bytes of the answer that are still to come
    std::int64_t asked = 0;
};

} // namespace

// echo PORT CONNECTIONS SIZE MILLISECONDS: a message on each, the next when it has come back.
int run_echo(int argc, char** argv) {
    const int port = static_cast<int>(argument(argc, argv, 1, 0));
    std::vector<Conversation> all(static_cast<std::size_t>(argument(argc, argv, 2, 1)));
    const std::string message(static_cast<std::size_t>(argument(argc, argv, 3, 1024)), 'm');
    const std::int64_t length = argument(argc, argv, 4, 1000) * 1'000'000;
    std::string room(message.size(), '\0');
    const int epoll = new_epoll();
    Latencies latencies;

    const auto ask = [&](Conversation& one) {
        one.left = message.size();
        one.asked = now_ns();
        if (write(one.fd, message.data(), message.size()) != static_cast<ssize_t>(message.size()))
            die("write");
    };
    for (std::size_t i = 0; i < all.size(); ++i) {
        all[i].fd = connect_without_delay(port);
        watch(epoll, all[i].fd, EPOLLIN, i);
    }
    const std::int64_t start = now_ns();
    for (Conversation& one : all)
        ask(one);
    std::array<epoll_event, 128> events{};
    while (now_ns() - start < length) {
        const int ready = epoll_wait(epoll, events.data(), events.size(), 100);
        for (int e = 0; e < ready; ++e) {
            Conversation& one = all[events[static_cast<std::size_t>(e)].data.u64];
            const ssize_t got = read(one.fd, room.data(), one.left);
            if (got <= 0) die("the server closed");
            one.left -= static_cast<std::size_t>(got);
            if (one.left != 0) continue;
            latencies.add(now_ns() - one.asked);
            ask(one);
        }
    }
    const double seconds = static_cast<double>(now_ns() - start) / 1e9;
    std::printf("{\"rate\": %.1f, \"p50_us\": %.1f, \"p99_us\": %.1f}\n",
                static_cast<double>(latencies.size()) / seconds, latencies.microseconds(0.5),
                latencies.microseconds(0.99));
    return 0;
}

// stream PORT CONNECTIONS MILLISECONDS: writes as fast as it is taken, reads as fast as it comes.
int run_stream(int argc, char** argv) {
    const int port = static_cast<int>(argument(argc, argv, 1, 0));
    const long connections = argument(argc, argv, 2, 1);
    const std::int64_t length = argument(argc, argv, 3, 1000) * 1'000'000;
    const std::string message(std::size_t{64} * 1024, 's');
    std::string room(std::size_t{256} * 1024, '\0');
    std::vector<int> all;
    const int poller = new_epoll();
    for (long i = 0; i < connections; ++i) {
        all.push_back(connect_now(port));
        watch(poller, all.back(), EPOLLIN | EPOLLOUT, static_cast<std::uint64_t>(i));
    }
    std::uint64_t bytes = 0;
    const std::int64_t start = now_ns();
    std::array<epoll_event, 128> events{};
    while (now_ns() - start < length) {
        const int ready = epoll_wait(poller, events.data(), events.size(), 100);
        for (int e = 0; e < ready; ++e) {
            const epoll_event& event = events[static_cast<std::size_t>(e)];
            const int fd = all[event.data.u64];
            if ((event.events & EPOLLIN) != 0) {
                const ssize_t got = recv(fd, room.data(), room.size(), MSG_DONTWAIT);
                if (got == 0 || (got < 0 && errno != EAGAIN)) die("the server closed");
                if (got > 0) bytes += static_cast<std::uint64_t>(got);
            }
            if ((event.events & EPOLLOUT) != 0)
                static_cast<void>(send(fd, message.data(), message.size(), MSG_DONTWAIT));
        }
    }
    const double seconds = static_cast<double>(now_ns() - start) / 1e9;
    std::printf("{\"mib_s\": %.1f}\n", static_cast<double>(bytes) / seconds / 1048576);
    return 0;
}

// drain PORT MILLISECONDS: reads what a service says without end.
int run_drain(int argc, char** argv) {
    const int fd = connect_now(static_cast<int>(argument(argc, argv, 1, 0)));
    const std::int64_t length = argument(argc, argv, 2, 1000) * 1'000'000;
    std::string room(std::size_t{256} * 1024, '\0');
    std::uint64_t bytes = 0;
    const std::int64_t start = now_ns();
    while (now_ns() - start < length) {
        const ssize_t got = recv(fd, room.data(), room.size(), MSG_TRUNC);
        if (got <= 0) die("the server closed");
        bytes += static_cast<std::uint64_t>(got);
    }
    const double seconds = static_cast<double>(now_ns() - start) / 1e9;
    std::printf("{\"mib_s\": %.1f}\n", static_cast<double>(bytes) / seconds / 1048576);
    return 0;
}

// fill PORT MILLISECONDS: writes to a service that throws away.
int run_fill(int argc, char** argv) {
    const int fd = connect_now(static_cast<int>(argument(argc, argv, 1, 0)));
    const std::int64_t length = argument(argc, argv, 2, 1000) * 1'000'000;
    const std::string message(std::size_t{256} * 1024, 'd');
    std::uint64_t bytes = 0;
    const std::int64_t start = now_ns();
    while (now_ns() - start < length) {
        const ssize_t sent = write(fd, message.data(), message.size());
        if (sent <= 0) die("the server closed");
        bytes += static_cast<std::uint64_t>(sent);
    }
    const double seconds = static_cast<double>(now_ns() - start) / 1e9;
    std::printf("{\"mib_s\": %.1f}\n", static_cast<double>(bytes) / seconds / 1048576);
    return 0;
}

// idle PORT CONNECTIONS: opens them, has a byte echoed on each, says how many came back and holds
// them until its input ends. Opens no more when some have waited in vain.
int run_idle(int argc, char** argv) {
    const int port = static_cast<int>(argument(argc, argv, 1, 0));
    const long wanted = argument(argc, argv, 2, 1);
    std::vector<int> all;
    long served = 0;
    constexpr long kInVain = 3;
    for (long i = 0; i < wanted && i - served < kInVain; ++i) {
        all.push_back(connect_now(port));
        const timeval patience{5, 0};
        setsockopt(all.back(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        char byte = 'i';
        if (write(all.back(), &byte, 1) == 1 && fill(all.back(), &byte, 1)) ++served;
    }
    std::printf("{\"served\": %ld}\n", served);
    std::fflush(stdout);
    char byte = 0;
    while (read(STDIN_FILENO, &byte, 1) > 0) {
    }
    return 0;
}

} // namespace bench
