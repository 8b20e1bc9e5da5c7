// Clients of services that answer datagrams.

#include "tools.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace bench {

namespace {

constexpr std::size_t kBatch = 32;
constexpr std::int64_t kLostAfter = 500'000'000;

struct Batch {
    std::array<std::array<char, 2048>, kBatch> room{};
    std::array<iovec, kBatch> parts{};
    std::array<mmsghdr, kBatch> messages{};

    explicit Batch(std::size_t size) {
        for (std::size_t i = 0; i < kBatch; ++i) {
            parts[i] = {room[i].data(), size};
            messages[i].msg_hdr.msg_iov = &parts[i];
            messages[i].msg_hdr.msg_iovlen = 1;
        }
    }
};

// Sends as many as the kernel takes, at most `count`.
void ask(int fd, Batch& batch, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        const std::int64_t now = now_ns();
        std::memcpy(batch.room[i].data(), &now, sizeof now);
    }
    static_cast<void>(
        sendmmsg(fd, batch.messages.data(), static_cast<unsigned>(count), MSG_DONTWAIT));
}

} // namespace

// datagrams PORT OUTSTANDING SIZE MILLISECONDS: so many questions on their way at all times; the
// answer holds the time of its question. What is not answered in half a second counts as lost.
int run_datagrams(int argc, char** argv) {
    const int port = static_cast<int>(argument(argc, argv, 1, 0));
    const auto outstanding = static_cast<std::size_t>(argument(argc, argv, 2, 1));
    const auto size = static_cast<std::size_t>(argument(argc, argv, 3, 64));
    const std::int64_t length = argument(argc, argv, 4, 1000) * 1'000'000;
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(port);
    if (fd < 0 || connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        die("connect");
    const int epoll = new_epoll();
    watch(epoll, fd, EPOLLIN, 0);
    Batch questions(size);
    Batch answers(sizeof answers.room[0]);
    Latencies latencies;
    std::size_t lost = 0;

    const auto ask_many = [&](std::size_t count) {
        for (; count > kBatch; count -= kBatch)
            ask(fd, questions, kBatch);
        ask(fd, questions, count);
    };
    const std::int64_t start = now_ns();
    std::int64_t heard = start;
    ask_many(outstanding);
    while (now_ns() - start < length) {
        epoll_event event{};
        if (epoll_wait(epoll, &event, 1, 100) == 0 && now_ns() - heard > kLostAfter) {
            lost += outstanding;
            heard = now_ns();
            ask_many(outstanding);
        }
        const int got = recvmmsg(fd, answers.messages.data(), kBatch, MSG_DONTWAIT, nullptr);
        if (got <= 0) continue;
        heard = now_ns();
        for (std::size_t i = 0; i < static_cast<std::size_t>(got); ++i) {
            std::int64_t asked = 0;
            std::memcpy(&asked, answers.room[i].data(), sizeof asked);
            latencies.add(heard - asked);
        }
        ask_many(static_cast<std::size_t>(got));
    }
    const double seconds = static_cast<double>(now_ns() - start) / 1e9;
    std::printf("{\"rate\": %.1f, \"lost\": %zu, \"p50_us\": %.1f, \"p99_us\": %.1f}\n",
                static_cast<double>(latencies.size()) / seconds, lost, latencies.microseconds(0.5),
                latencies.microseconds(0.99));
    return 0;
}

} // namespace bench
