#include "server/parser_client.h"

#include "log/recent.h"

#include <csignal>
#include <doctest/doctest.h>
#include <fmt/core.h>
#include <fstream>
#include <optional>
#include <sys/resource.h>
#include <unistd.h>
#include <vector>

using namespace inetd;
using namespace std::chrono_literals;

namespace {

char state_of(pid_t pid);

// One process for each test, and whatever is said of it.
struct Fixture {
    explicit Fixture(Duration timeout = 1min) {
        log::set_recent(&recent);
        client.emplace(loop, timeout);
    }
    ~Fixture() {
        client.reset();
        log::set_recent(nullptr);
    }
    Fixture(const Fixture&) = delete;
    Fixture& operator=(const Fixture&) = delete;

    std::shared_ptr<void> ask(const std::string& bytes) {
        return client->ask({.bytes = bytes}, [this](const ParserReply& reply) {
            const auto* header = std::get_if<ProxyHeader>(&reply);
            said.push_back(header == nullptr ? "failed" : std::to_string(header->size));
        });
    }
    void until_said(std::size_t count) {
        const TimePoint late = Clock::now() + 60s;
        while (said.size() < count) {
            REQUIRE(Clock::now() < late);
            loop.round(10ms);
        }
    }
    // To the parser, which is a child of this process and called as no other.
    void signal(int number) {
        const pid_t pid = parser();
        REQUIRE(pid > 0);
        kill(pid, number);
        // Which takes effect later.
        const TimePoint late = Clock::now() + 60s;
        while (number == SIGSTOP && state_of(pid) != 'T')
            REQUIRE(Clock::now() < late);
    }
    static pid_t parser();

    EventLoop loop;
    log::Recent recent{10'000};
    std::optional<ParserClient> client;
    std::vector<std::string> said;
};

char state_of(pid_t pid) {
    std::ifstream status(fmt::format("/proc/{}/stat", pid));
    std::string field;
    status >> field >> field >> field;
    return field.empty() ? 'Z' : field.front();
}

// The youngest: that of the test before may be about to end.
pid_t Fixture::parser() {
    std::ifstream children(fmt::format("/proc/self/task/{}/children", getpid()));
    pid_t found = 0;
    for (pid_t pid = 0; children >> pid;) {
        std::string name;
        std::ifstream(fmt::format("/proc/{}/comm", pid)) >> name;
        if (name == "inetd-parser" && state_of(pid) != 'Z') found = pid;
    }
    return found;
}

const std::string kHeader = "PROXY UNKNOWN\r\n"; // 15 bytes

} // namespace

TEST_CASE("parser client: answers come later, in order, and only to those who wait") {
    Fixture f;
    CHECK(Fixture::parser() == 0);
    std::vector<std::shared_ptr<void>> tickets;
    for (int i = 0; i < 5; ++i)
        tickets.push_back(f.ask(kHeader.substr(0, i % 2 == 0 ? kHeader.size() : 3)));
    CHECK(f.said.empty());
    tickets[0].reset(); // which is under way
    tickets[3].reset();
    CHECK(f.client->waiting() == 3);
    f.until_said(3);
    CHECK(f.said == std::vector<std::string>{"0", "15", "15"});
    CHECK(f.client->waiting() == 0);
    CHECK(f.recent.lines().empty());
}

TEST_CASE("parser client: one that ends fails the one that it was at, and no other") {
    Fixture f;
    auto first = f.ask(kHeader);
    f.until_said(1);
    f.signal(SIGSTOP);
    first = f.ask(kHeader);
    const auto second = f.ask(kHeader);
    f.signal(SIGKILL);
    f.until_said(3);
    CHECK(f.said == std::vector<std::string>{"15", "failed", "15"});
    REQUIRE(f.recent.lines().size() == 1);
    CHECK(f.recent.lines()[0].text == "parser: ended; a PROXY header is given up");
}

TEST_CASE("parser client: one that does not answer is replaced") {
    Fixture f(1s);
    auto first = f.ask(kHeader);
    f.until_said(1);
    f.signal(SIGSTOP);
    first = f.ask(kHeader);
    auto second = f.ask(kHeader);
    f.until_said(3);
    CHECK(f.said == std::vector<std::string>{"15", "failed", "15"});
    REQUIRE(f.recent.lines().size() == 1);
    CHECK(f.recent.lines()[0].text == "parser: did not answer in time; a PROXY header is given up");
}

TEST_CASE("parser client: one that has ended meanwhile costs no question") {
    Fixture f;
    auto ticket = f.ask(kHeader);
    f.until_said(1);
    const pid_t pid = Fixture::parser();
    f.signal(SIGKILL);
    const TimePoint late = Clock::now() + 60s;
    while (Fixture::parser() == pid)
        REQUIRE(Clock::now() < late);
    ticket = f.ask(kHeader);
    f.until_said(2);
    CHECK(f.said.back() == "15");
    CHECK(f.recent.lines().empty());
}

TEST_CASE("parser client: retired, it goes on with another process; stopped, it forgets") {
    Fixture f;
    auto ticket = f.ask(kHeader);
    const pid_t first = Fixture::parser();
    f.client->retire();
    f.until_said(1);
    CHECK(f.said.back() == "15");
    // Being killed takes effect later.
    const TimePoint late = Clock::now() + 60s;
    while (Fixture::parser() == first)
        REQUIRE(Clock::now() < late);
    ticket = f.ask(kHeader);
    f.client->stop_all();
    CHECK(f.client->waiting() == 0);
    ticket.reset();
    for (int i = 0; i < 10; ++i)
        f.loop.round(1ms);
    CHECK(f.said.size() == 1);
}

TEST_CASE("parser client: where none can be started, whoever asks is told") {
    Fixture f;
    rlimit limit{};
    REQUIRE(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    const rlimit none{.rlim_cur = 0, .rlim_max = limit.rlim_max};
    REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
    const auto first = f.ask(kHeader);
    const auto second = f.ask(kHeader);
    REQUIRE(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    CHECK(f.said.empty());
    f.until_said(2);
    CHECK(f.said == std::vector<std::string>(2, "failed"));
    REQUIRE(f.recent.lines().size() == 1);
    CHECK(f.recent.lines()[0].text == "parser: cannot be started: socketpair: Too many open files; "
                                      "a PROXY header is given up");
    const auto third = f.ask(kHeader);
    f.until_said(3);
    CHECK(f.said.back() == "15");
}
