#include "process/parser_process.h"

#include "process/call_filter.h"

#include <array>
#include <csignal>
#include <doctest/doctest.h>
#include <poll.h>
#include <stdexcept>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace inetd;

namespace {

std::string answer(std::string_view question) {
    if (question == "end") return {};
    if (question == "throw") throw std::runtime_error("x");
    if (question == "open") return std::to_string(dup(0));
    if (question == "kill") return std::to_string(kill(getppid(), SIGTERM));
    if (question == "code") {
        void* const page = mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        return page == MAP_FAILED ? "no" : "yes";
    }
    if (question == "memory") {
        std::string much(std::size_t{200} * 1024 * 1024, 'x');
        return much.substr(0, 1);
    }
    return std::string(question) + "!";
}

struct Fixture {
    std::string ask(std::string_view question) {
        REQUIRE(send_to_parser(process->socket.get(), question));
        return next();
    }
    std::string next() {
        pollfd poll_fd{.fd = process->socket.get(), .events = POLLIN, .revents = 0};
        REQUIRE(poll(&poll_fd, 1, 60'000) == 1);
        const auto reply = receive_from_parser(process->socket.get());
        REQUIRE(reply);
        return *reply;
    }
    siginfo_t end() {
        siginfo_t info{};
        REQUIRE(waitid(P_PIDFD, static_cast<id_t>(process->pidfd.get()), &info, WEXITED) == 0);
        return info;
    }

    Fixture() {
        REQUIRE(process);
        CHECK(next() == kParserReady);
    }

    Result<WorkerProcess> process = start_parser(answer);
};

} // namespace

TEST_CASE("parser: answers one after the other, and ends with its socket") {
    Fixture f;
    CHECK_FALSE(receive_from_parser(f.process->socket.get()));
    CHECK(f.ask("a") == "a!");
    const std::string large(kLongestParserDatagram - 1, 'x');
    CHECK((f.ask(large) == large + "!"));
    f.process->socket.reset();
    CHECK(f.end().si_code == CLD_EXITED);
}

TEST_CASE("parser: ends where it has no answer") {
    for (const char* question : {"end", "throw", "memory"}) {
        CAPTURE(question);
        Fixture f;
        CHECK(f.ask(question).empty());
        const siginfo_t info = f.end();
#if !defined(__SANITIZE_ADDRESS__) // which makes calls of its own where something is thrown
        CHECK(info.si_code == CLD_EXITED);
#endif
        CHECK(info.si_pid != 0);
        CHECK_FALSE(send_to_parser(f.process->socket.get(), "a"));
    }
}

TEST_CASE("parser: is killed by what it has no business with") {
#if defined(__x86_64__) || defined(__aarch64__)
    for (const char* question : {"open", "kill", "code"}) {
        CAPTURE(question);
        Fixture f;
        CHECK(f.ask(question).empty());
        const siginfo_t info = f.end();
        CHECK(info.si_code != CLD_EXITED);
        CHECK(info.si_status == SIGSYS);
    }
#endif
}
