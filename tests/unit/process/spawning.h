#pragma once

#include "process/children.h"
#include "process/environment.h"
#include "process/spawn.h"

#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <doctest/doctest.h>
#include <memory>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

// Children that are started, and what came of them.
namespace inetd::test {

// The daemon's own way of life: all signals blocked while children are started.
struct BlockedSignals {
    sigset_t before{};
    BlockedSignals() {
        sigset_t all;
        sigfillset(&all);
        sigprocmask(SIG_SETMASK, &all, &before);
        // Ignored in whatever make starts; event/signals.cc says why.
        static constexpr std::array<std::uint64_t, 4> kDefault{};
        for (const int own : {32, 33})
            syscall(SYS_rt_sigaction, own, kDefault.data(), nullptr, sizeof(std::uint64_t));
    }
    ~BlockedSignals() { sigprocmask(SIG_SETMASK, &before, nullptr); }
};

struct Outcome {
    std::string output;
    ChildEnd end;
    std::vector<SpawnReport> reports;
};

struct Timing {
    std::shared_ptr<void> whose{};
    std::chrono::steady_clock::time_point since{};
};

inline ChildEnd wait_for(pid_t pid) {
    siginfo_t info{};
    REQUIRE(waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT) == 0);
    auto end = reap_one();
    REQUIRE(end);
    REQUIRE(end->pid == pid);
    return *end;
}

inline Outcome run(Spawner& spawner, const Program& program, bool large_table,
                   const Account* account = nullptr, const Surroundings* surroundings = nullptr,
                   int errors = -1, std::string_view listen_name = {}, const Timing& timing = {}) {
    const BlockedSignals blocked;
    std::array<int, 2> pair{};
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) == 0);
    const Fd ours(pair[0]);
    Fd theirs(pair[1]);
    Environment environment;
    environment.set("PATH", "/usr/bin:/bin");
    environment.set("COLOUR", "blue");
    Environment peer;
    peer.set("REMOTE_ADDR", "192.0.2.1");
    SpawnRequest request;
    request.program = &program;
    request.socket = theirs.get();
    request.errors = errors;
    request.account = account;
    request.surroundings = surroundings;
    request.environment = environment.block();
    request.peer_environment = peer.block();
    request.large_table = large_table;
    request.listen_name = listen_name;
    request.whose = timing.whose;
    request.since = timing.since;
    auto pid = spawner.spawn(request);
    REQUIRE(pid);
    theirs.reset();
    Outcome outcome;
    std::array<char, 4096> buffer{};
    for (;;) {
        const ssize_t size = read(ours.get(), buffer.data(), buffer.size());
        if (size <= 0) break;
        outcome.output.append(buffer.data(), static_cast<std::size_t>(size));
    }
    outcome.end = wait_for(*pid);
    outcome.reports = spawner.reports();
    return outcome;
}

inline Program shell(const char* script) {
    return {"/bin/sh", {"sh", "-c", script}};
}

template<typename Test>
void with_each_method(Test test) {
    for (const auto method : {SpawnMethod::shared_memory, SpawnMethod::fork}) {
        for (const bool large : {false, true}) {
            auto spawner = Spawner::create(method);
            REQUIRE(spawner);
            CAPTURE(static_cast<int>(method));
            CAPTURE(large);
            test(**spawner, large);
        }
    }
}

} // namespace inetd::test
