// Clients that ask for so many bytes and come again when they have them.

#include "tools.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace bench {

namespace {

struct Asker {
    int fd = -1;
    bool asked = false;
    std::size_t left = 0;
};

enum class Outcome { open, served, failed };

Outcome advance(Asker& asker, const std::string& request) {
    if (!asker.asked) {
        // It is small and the connection is new: it goes at once.
        const ssize_t sent = send(asker.fd, request.data(), request.size(), 0);
        if (sent < 0 && errno == EAGAIN) return Outcome::open;
        if (sent != static_cast<ssize_t>(request.size())) return Outcome::failed;
        asker.asked = true;
    }
    std::array<char, 65536> room{};
    while (asker.left > 0) {
        const ssize_t got = recv(asker.fd, room.data(), room.size(), 0);
        if (got < 0 && errno == EAGAIN) return Outcome::open;
        if (got <= 0 || static_cast<std::size_t>(got) > asker.left) return Outcome::failed;
        asker.left -= static_cast<std::size_t>(got);
    }
    return Outcome::served;
}

} // namespace

// ask PORT CLIENTS CONNECTIONS BYTES [ECHO]: the clients together connect so often. Each sends the
// number of bytes as a line, or, to an echo, so many bytes.
int run_ask(int argc, char** argv) {
    const int port = static_cast<int>(argument(argc, argv, 1, 0));
    std::vector<Asker> askers(static_cast<std::size_t>(argument(argc, argv, 2, 1)));
    const auto wanted = static_cast<std::size_t>(argument(argc, argv, 3, 1));
    const auto bytes = static_cast<std::size_t>(argument(argc, argv, 4, 1));
    const std::string request =
        argument(argc, argv, 5, 0) != 0 ? std::string(bytes, 'x') : std::to_string(bytes) + "\n";
    const int epoll = new_epoll();
    std::size_t begun = 0;
    std::size_t served = 0;
    std::size_t failed = 0;

    const auto connect = [&](std::size_t i) {
        if (begun == wanted) return;
        ++begun;
        askers[i] = {.fd = start_connect(port), .left = bytes};
        watch(epoll, askers[i].fd, EPOLLIN | EPOLLOUT | EPOLLET, i);
    };
    const std::int64_t start = now_ns();
    for (std::size_t i = 0; i < askers.size(); ++i)
        connect(i);
    std::array<epoll_event, 64> events{};
    while (served + failed < wanted) {
        const int ready = epoll_wait(epoll, events.data(), events.size(), 10000);
        if (ready == 0) {
            std::fprintf(stderr, "load: ask: nothing came for 10 s\n");
            return 1;
        }
        for (int e = 0; e < ready; ++e) {
            const auto i = static_cast<std::size_t>(events[static_cast<std::size_t>(e)].data.u64);
            const Outcome outcome = advance(askers[i], request);
            if (outcome == Outcome::open) continue;
            ++(outcome == Outcome::served ? served : failed);
            close(askers[i].fd);
            connect(i);
        }
    }
    const double seconds = static_cast<double>(now_ns() - start) / 1e9;
    std::printf("{\"served\": %zu, \"failed\": %zu, \"seconds\": %.6f, \"rate\": %.1f}\n", served,
                failed, seconds, static_cast<double>(served) / seconds);
    return 0;
}

} // namespace bench
