// bare KIND PORT [PROGRAM ARGUMENTS...]: serves until it is ended.

#include "tools.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <netinet/in.h>
#include <string>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

namespace bare {

void die(const char* what) {
    std::fprintf(stderr, "bare: %s: %s\n", what, std::strerror(errno));
    std::exit(1);
}

int listen_on(int port, int type) {
    const int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) die("bind");
    if (type == SOCK_STREAM && listen(fd, SOMAXCONN) != 0) die("listen");
    return fd;
}

int new_epoll() {
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0) die("epoll_create1");
    return epoll;
}

void watch(int epoll, int fd) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) die("epoll_ctl");
}

} // namespace bare

int main(int argc, char** argv) {
    if (argc < 3) return 2;
    const std::string kind = argv[1];
    const int port = std::atoi(argv[2]);
    std::signal(SIGPIPE, SIG_IGN);
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (kind == "spawn" && argc > 3) bare::serve_spawn(port, argv + 3);
    if (kind == "echo") bare::serve_echo(port);
    if (kind == "line") bare::serve_line(port);
    if (kind == "datagrams") bare::serve_datagrams(port);
    if (kind == "chargen") bare::serve_chargen(port);
    if (kind == "discard") bare::serve_discard(port);
    return 2;
}
