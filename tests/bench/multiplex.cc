// multiplex METHOD DESCRIPTORS ACTIVE MILLISECONDS: what it costs to find out which of many
// descriptors have something to read. In each round ACTIVE of the descriptors, another part of them
// each time, get a byte; then the method is asked until all of these bytes have been read. Prints
// the processor time of a round. The method "none" reads them without asking: what all others need
// beside their own work.

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <functional>
#include <memory>
#include <poll.h>
#include <string_view>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace {

[[noreturn]] void die(const char* what) {
    std::fprintf(stderr, "multiplex: %s: %s\n", what, std::strerror(errno));
    std::exit(1);
}

// Sockets that are written to by their addresses, so that each takes one descriptor only.
class Sockets {
  public:
    explicit Sockets(std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            const int fd = open();
            // unix(7): without a name it is given one.
            sockaddr_un name{.sun_family = AF_UNIX, .sun_path = {}};
            auto* plain = reinterpret_cast<sockaddr*>(&name);
            if (bind(fd, plain, sizeof name.sun_family) != 0) die("bind");
            socklen_t size = sizeof name;
            if (getsockname(fd, plain, &size) != 0) die("getsockname");
            fds_.push_back(fd);
            names_.emplace_back(name, size);
        }
        // Last, as select() needs low numbers for the others.
        for (int& writer : writers_)
            writer = open();
    }
    [[nodiscard]] const std::vector<int>& fds() const { return fds_; }
    void write(std::size_t place) const {
        const auto& [name, size] = names_[place];
        const auto* plain = reinterpret_cast<const sockaddr*>(&name);
        if (sendto(writers_[place % writers_.size()], "", 1, 0, plain, size) != 1) die("sendto");
    }

  private:
    static int open() {
        const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0) die("socket");
        return fd;
    }

    std::array<int, 64> writers_{}; // many, as each may have so many bytes under way only
    std::vector<int> fds_;
    std::vector<std::pair<sockaddr_un, socklen_t>> names_;
};

void raise_limit(decltype(RLIMIT_NOFILE) which, const char* name, rlim_t wanted) {
    rlimit limit{};
    getrlimit(which, &limit);
    limit.rlim_cur = std::max(limit.rlim_cur, wanted);
    limit.rlim_max = std::max(limit.rlim_max, wanted);
    if (setrlimit(which, &limit) != 0) die(name);
}

bool take(int fd) {
    char byte = 0;
    return recv(fd, &byte, 1, 0) == 1;
}

class Method {
  public:
    Method() = default;
    virtual ~Method() = default;
    Method(const Method&) = delete;
    Method& operator=(const Method&) = delete;
    // Asks once and reads what there is; how many.
    virtual std::size_t read_some() = 0;
};

class None : public Method {
  public:
    None(const std::vector<int>& fds, std::function<std::size_t(std::size_t)> place,
         std::size_t active)
        : fds_(fds), place_(std::move(place)), active_(active) {}
    std::size_t read_some() override {
        for (std::size_t i = 0; i < active_; ++i)
            if (!take(fds_[place_(i)])) die("recv");
        return active_;
    }

  private:
    const std::vector<int>& fds_;
    std::function<std::size_t(std::size_t)> place_;
    std::size_t active_;
};

class Select : public Method {
  public:
    explicit Select(const std::vector<int>& fds) : fds_(fds), most_(fds.back()) {
        // select(2): a descriptor of FD_SETSIZE or more cannot be in the set.
        if (most_ >= FD_SETSIZE) {
            std::fprintf(stderr, "multiplex: select: more than FD_SETSIZE descriptors\n");
            std::exit(3);
        }
        FD_ZERO(&all_);
        for (const int fd : fds_)
            FD_SET(fd, &all_);
    }
    std::size_t read_some() override {
        fd_set ready = all_;
        int left = select(most_ + 1, &ready, nullptr, nullptr, nullptr);
        if (left < 0) die("select");
        std::size_t taken = 0;
        for (std::size_t i = 0; left > 0; ++i) {
            if (!FD_ISSET(fds_[i], &ready)) continue;
            --left;
            if (take(fds_[i])) ++taken;
        }
        return taken;
    }

  private:
    const std::vector<int>& fds_;
    int most_;
    fd_set all_{};
};

class Poll : public Method {
  public:
    explicit Poll(const std::vector<int>& fds) {
        for (const int fd : fds)
            all_.push_back({.fd = fd, .events = POLLIN, .revents = 0});
    }
    std::size_t read_some() override {
        int left = poll(all_.data(), all_.size(), -1);
        if (left < 0) die("poll");
        std::size_t taken = 0;
        for (std::size_t i = 0; left > 0; ++i) {
            if (all_[i].revents == 0) continue;
            --left;
            if (take(all_[i].fd)) ++taken;
        }
        return taken;
    }

  private:
    std::vector<pollfd> all_;
};

// A queued signal for each descriptor that becomes readable (fcntl(2), F_SETSIG).
class Signals : public Method {
  public:
    explicit Signals(const std::vector<int>& fds) {
        sigemptyset(&set_);
        sigaddset(&set_, SIGRTMIN);
        sigaddset(&set_, SIGIO); // comes when the queue is full
        sigprocmask(SIG_BLOCK, &set_, nullptr);
        raise_limit(RLIMIT_SIGPENDING, "RLIMIT_SIGPENDING", 2 * fds.size());
        for (const int fd : fds)
            if (fcntl(fd, F_SETSIG, SIGRTMIN) != 0 || fcntl(fd, F_SETOWN, getpid()) != 0 ||
                fcntl(fd, F_SETFL, O_NONBLOCK | O_ASYNC) != 0)
                die("fcntl F_SETSIG");
    }
    std::size_t read_some() override {
        siginfo_t info{};
        if (sigwaitinfo(&set_, &info) < 0) die("sigwaitinfo");
        if (info.si_signo == SIGIO) {
            std::fprintf(stderr, "multiplex: signals: the queue is full\n");
            std::exit(1);
        }
        return take(info.si_fd) ? 1 : 0;
    }

  private:
    sigset_t set_{};
};

class Epoll : public Method {
  public:
    explicit Epoll(const std::vector<int>& fds) {
        for (const int fd : fds) {
            epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
            if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) die("epoll_ctl");
        }
    }
    ~Epoll() override { close(epoll_); }
    std::size_t read_some() override {
        const int ready = epoll_wait(epoll_, events_.data(), static_cast<int>(events_.size()), -1);
        if (ready < 0) die("epoll_wait");
        std::size_t taken = 0;
        for (std::size_t i = 0; i < static_cast<std::size_t>(ready); ++i)
            if (take(events_[i].data.fd)) ++taken;
        return taken;
    }

  private:
    int epoll_ = epoll_create1(EPOLL_CLOEXEC);
    std::array<epoll_event, 256> events_{};
};

double cpu_seconds() {
    timespec now{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 5) return 2;
    const std::string_view name = argv[1];
    const auto count = static_cast<std::size_t>(std::atol(argv[2]));
    const auto active = static_cast<std::size_t>(std::atol(argv[3]));
    const double length = std::atof(argv[4]) / 1000;
    if (count == 0 || active == 0 || active > count) return 2;
    raise_limit(RLIMIT_NOFILE, "RLIMIT_NOFILE", count + 128);
    const Sockets sockets(count);
    std::size_t round = 0;
    // Spread evenly, and in each round one further.
    const auto place = [&](std::size_t i) { return (i * (count / active) + round) % count; };

    std::unique_ptr<Method> method;
    if (name == "none") method = std::make_unique<None>(sockets.fds(), place, active);
    if (name == "select") method = std::make_unique<Select>(sockets.fds());
    if (name == "poll") method = std::make_unique<Poll>(sockets.fds());
    if (name == "signals") method = std::make_unique<Signals>(sockets.fds());
    if (name == "epoll") method = std::make_unique<Epoll>(sockets.fds());
    if (!method) return 2;

    const auto run_round = [&] {
        for (std::size_t i = 0; i < active; ++i)
            sockets.write(place(i));
        for (std::size_t taken = 0; taken < active;)
            taken += method->read_some();
        ++round;
    };
    for (int i = 0; i < 10; ++i)
        run_round();
    const double start = cpu_seconds();
    const std::size_t before = round;
    double used = 0;
    while (used < length) {
        // The clock itself is to be no part of it.
        for (int i = 0; i < 50; ++i)
            run_round();
        used = cpu_seconds() - start;
    }
    std::printf("{\"us\": %.4f, \"rounds\": %zu}\n",
                used * 1e6 / static_cast<double>(round - before), round - before);
}
