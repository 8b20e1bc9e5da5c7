// Clients that connect, read what there is until the end, and come again.

#include "tools.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <random>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace bench {

namespace {

struct Client {
    int fd = -1;
    std::int64_t began = 0;
    std::size_t bytes = 0;
    bool half_closed = false;
};

enum class Outcome { open, served, failed };

// Reads what there is. A server that wants input first gets its end at once.
Outcome advance(Client& client, std::uint32_t events, bool half_close) {
    if (half_close && !client.half_closed && (events & EPOLLOUT) != 0) {
        client.half_closed = shutdown(client.fd, SHUT_WR) == 0;
        if (!client.half_closed) return Outcome::failed;
    }
    std::array<char, 4096> room{};
    for (;;) {
        const ssize_t got = read(client.fd, room.data(), room.size());
        if (got > 0) {
            client.bytes += static_cast<std::size_t>(got);
            continue;
        }
        if (got == 0) return client.bytes > 0 || half_close ? Outcome::served : Outcome::failed;
        return errno == EAGAIN ? Outcome::open : Outcome::failed;
    }
}

std::uint32_t wanted(bool half_close) {
    return EPOLLIN | EPOLLRDHUP | (half_close ? EPOLLOUT | EPOLLET : 0U);
}

} // namespace

// spawn PORT PORTS CLIENTS MILLISECONDS [HALFCLOSE]: each of the clients connects to one of the
// ports at random, again and again. "worst_us" is of all, so it shows a pause of the server.
int run_spawn(int argc, char** argv) {
    const int port = static_cast<int>(argument(argc, argv, 1, 0));
    const int ports = static_cast<int>(argument(argc, argv, 2, 1));
    std::vector<Client> clients(static_cast<std::size_t>(argument(argc, argv, 3, 1)));
    const std::int64_t length = argument(argc, argv, 4, 1000) * 1'000'000;
    const bool half_close = argument(argc, argv, 5, 0) != 0;
    const int epoll = new_epoll();
    std::minstd_rand random(4711);
    Latencies latencies;
    long failed = 0;

    const auto connect = [&](std::size_t i) {
        clients[i] = {.began = now_ns()};
        clients[i].fd =
            start_connect(port + static_cast<int>(random() % static_cast<unsigned>(ports)));
        watch(epoll, clients[i].fd, wanted(half_close), i);
    };
    const std::int64_t start = now_ns();
    for (std::size_t i = 0; i < clients.size(); ++i)
        connect(i);
    std::array<epoll_event, 64> events{};
    while (now_ns() - start < length) {
        const int ready = epoll_wait(epoll, events.data(), events.size(), 100);
        for (int e = 0; e < ready; ++e) {
            const auto i = static_cast<std::size_t>(events[static_cast<std::size_t>(e)].data.u64);
            const Outcome outcome =
                advance(clients[i], events[static_cast<std::size_t>(e)].events, half_close);
            if (outcome == Outcome::open) continue;
            close(clients[i].fd);
            if (outcome == Outcome::served)
                latencies.add(now_ns() - clients[i].began);
            else
                ++failed;
            connect(i);
        }
    }
    const double seconds = static_cast<double>(now_ns() - start) / 1e9;
    std::printf("{\"served\": %zu, \"failed\": %ld, \"seconds\": %.6f, \"rate\": %.1f, "
                "\"p50_us\": %.1f, \"p99_us\": %.1f, \"worst_us\": %.1f}\n",
                latencies.size(), failed, seconds, static_cast<double>(latencies.size()) / seconds,
                latencies.microseconds(0.5), latencies.microseconds(0.99),
                latencies.microseconds(1));
    return 0;
}

// burst PORT CLIENTS MILLISECONDS: all connect at once; counts who is served within the time.
int run_burst(int argc, char** argv) {
    const int port = static_cast<int>(argument(argc, argv, 1, 0));
    std::vector<Client> clients(static_cast<std::size_t>(argument(argc, argv, 2, 1)));
    const std::int64_t length = argument(argc, argv, 3, 10000) * 1'000'000;
    const int epoll = new_epoll();
    const std::int64_t start = now_ns();
    for (std::size_t i = 0; i < clients.size(); ++i) {
        clients[i].fd = start_connect(port);
        watch(epoll, clients[i].fd, wanted(false), i);
    }
    std::size_t served = 0;
    std::size_t failed = 0;
    std::int64_t last = start;
    std::array<epoll_event, 256> events{};
    while (served + failed < clients.size() && now_ns() - start < length) {
        const int ready = epoll_wait(epoll, events.data(), events.size(), 100);
        for (int e = 0; e < ready; ++e) {
            Client& client = clients[events[static_cast<std::size_t>(e)].data.u64];
            const Outcome outcome =
                advance(client, events[static_cast<std::size_t>(e)].events, false);
            if (outcome == Outcome::open) continue;
            close(client.fd);
            ++(outcome == Outcome::served ? served : failed);
            last = now_ns();
        }
    }
    std::printf("{\"clients\": %zu, \"served\": %zu, \"failed\": %zu, \"last_ms\": %.1f}\n",
                clients.size(), served, failed, static_cast<double>(last - start) / 1e6);
    return 0;
}

} // namespace bench
