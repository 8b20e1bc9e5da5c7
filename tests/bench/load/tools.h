#pragma once

#include <cstdint>
#include <netinet/in.h>
#include <string>
#include <vector>

// What the modes of the load generator share. Any failure that is not the server's ends the
// program with a message and 1.
namespace bench {

// CLOCK_MONOTONIC in nanoseconds.
[[nodiscard]] std::int64_t now_ns();
[[noreturn]] void die(const char* what);

// The number at argv[place], or the fallback where there are not so many arguments.
[[nodiscard]] long argument(int argc, char** argv, int place, long fallback);

[[nodiscard]] sockaddr_in loopback(int port);
// A non-blocking socket on its way to that port of the loopback; never negative.
[[nodiscard]] int start_connect(int port);
// A blocking one that is connected; ends the program where that fails.
[[nodiscard]] int connect_now(int port);
[[nodiscard]] int new_epoll();
// Watches for what may be read or, once each, written.
void watch(int epoll, int fd, std::uint32_t events, std::uint64_t tag);
void unwatch(int epoll, int fd);
void raise_descriptor_limit();

// Times in nanoseconds, told in microseconds.
class Latencies {
  public:
    void add(std::int64_t ns) { all_.push_back(ns); }
    [[nodiscard]] std::size_t size() const { return all_.size(); }
    // `part` in 0..1; 0 where there are none.
    [[nodiscard]] double microseconds(double part);

  private:
    std::vector<std::int64_t> all_;
};

// Each mode prints one line of JSON.
int run_spawn(int argc, char** argv);
int run_burst(int argc, char** argv);
int run_ask(int argc, char** argv);
int run_echo(int argc, char** argv);
int run_stream(int argc, char** argv);
int run_drain(int argc, char** argv);
int run_fill(int argc, char** argv);
int run_idle(int argc, char** argv);
int run_datagrams(int argc, char** argv);

} // namespace bench
