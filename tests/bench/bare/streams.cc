#include "tools.h"

#include <array>
#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace bare {

namespace {

// Answers what came; a blocking write would stop all others, so what does not go at once is waited
// for by poll alone, which is as simple as it can be.
bool echo(int fd, std::string& room) {
    const ssize_t got = recv(fd, room.data(), room.size(), MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) return true;
    if (got <= 0) return false;
    for (ssize_t done = 0; done < got;) {
        const ssize_t sent = send(fd, room.data() + done, static_cast<std::size_t>(got - done), 0);
        if (sent < 0) return false;
        done += sent;
    }
    return true;
}

template<typename Serve>
void serve_connections(int port, Serve serve) {
    const int listener = listen_on(port, SOCK_STREAM);
    const int epoll = new_epoll();
    watch(epoll, listener);
    for (;;) {
        std::array<epoll_event, 128> events{};
        const int ready = epoll_wait(epoll, events.data(), events.size(), -1);
        for (int i = 0; i < ready; ++i) {
            const int fd = events[static_cast<std::size_t>(i)].data.fd;
            if (fd != listener) {
                if (!serve(fd)) close(fd);
                continue;
            }
            const int client = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
            if (client < 0) continue;
            const int on = 1;
            setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            watch(epoll, client);
        }
    }
}

} // namespace

void serve_echo(int port) {
    std::string room(std::size_t{256} * 1024, '\0');
    serve_connections(port, [&](int fd) { return echo(fd, room); });
}

void serve_discard(int port) {
    std::string room(std::size_t{256} * 1024, '\0');
    serve_connections(port, [&](int fd) {
        const ssize_t got = recv(fd, room.data(), room.size(), MSG_TRUNC | MSG_DONTWAIT);
        return got > 0 || (got < 0 && errno == EAGAIN);
    });
}

void serve_line(int port) {
    const int listener = listen_on(port, SOCK_STREAM);
    const int epoll = new_epoll();
    watch(epoll, listener);
    for (;;) {
        epoll_event event{};
        epoll_wait(epoll, &event, 1, -1);
        for (int fd = 0; (fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
            static_cast<void>(send(fd, "hello\n", 6, MSG_DONTWAIT));
            close(fd);
        }
    }
}

// One client, who is written to for as long as he takes it: one must be enough to measure by.
void serve_chargen(int port) {
    std::string text;
    for (int line = 0; text.size() < std::size_t{256} * 1024; ++line) {
        for (int i = 0; i < 72; ++i)
            text += static_cast<char>(' ' + (line + i) % 95);
        text += "\r\n";
    }
    const int listener = listen_on(port, SOCK_STREAM);
    const int epoll = new_epoll();
    watch(epoll, listener);
    for (;;) {
        epoll_event event{};
        epoll_wait(epoll, &event, 1, -1);
        const int client = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
        if (client < 0) continue;
        while (send(client, text.data(), text.size(), 0) > 0) {
        }
        close(client);
    }
}

} // namespace bare
