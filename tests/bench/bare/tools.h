#pragma once

// The least that a server can be: what the kernel allows where nobody configures, counts, limits or
// logs anything. The benchmarks compare with it. One file a kind.
namespace bare {

// Listens on that port of the loopback, or ends the program.
[[nodiscard]] int listen_on(int port, int type);
[[nodiscard]] int new_epoll();
void watch(int epoll, int fd);
[[noreturn]] void die(const char* what);

void serve_spawn(int port, char** program);
void serve_echo(int port);
void serve_line(int port);
void serve_datagrams(int port);
void serve_chargen(int port);
void serve_discard(int port);

} // namespace bare
