#include "tools.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

namespace bench {

std::int64_t now_ns() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

void die(const char* what) {
    std::fprintf(stderr, "load: %s: %s\n", what, std::strerror(errno));
    std::exit(1);
}

long argument(int argc, char** argv, int place, long fallback) {
    return place < argc ? std::strtol(argv[place], nullptr, 10) : fallback;
}

sockaddr_in loopback(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    return address;
}

int start_connect(int port) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) die("socket");
    const sockaddr_in address = loopback(port);
    const auto* plain = reinterpret_cast<const sockaddr*>(&address);
    if (connect(fd, plain, sizeof address) != 0 && errno != EINPROGRESS) die("connect");
    return fd;
}

int connect_now(int port) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) die("socket");
    const sockaddr_in address = loopback(port);
    if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        die("connect");
    return fd;
}

int new_epoll() {
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0) die("epoll_create1");
    return epoll;
}

void watch(int epoll, int fd, std::uint32_t events, std::uint64_t tag) {
    epoll_event event{.events = events, .data = {.u64 = tag}};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0 &&
        (errno != EEXIST || epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event) != 0))
        die("epoll_ctl");
}

void unwatch(int epoll, int fd) {
    epoll_ctl(epoll, EPOLL_CTL_DEL, fd, nullptr);
}

void raise_descriptor_limit() {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

double Latencies::microseconds(double part) {
    if (all_.empty()) return 0;
    const auto place = static_cast<std::ptrdiff_t>(part * static_cast<double>(all_.size() - 1));
    std::nth_element(all_.begin(), all_.begin() + place, all_.end());
    return static_cast<double>(all_[static_cast<std::size_t>(place)]) / 1000;
}

} // namespace bench
