#include "spawning.h"

#include <cstdlib>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

using namespace inetd;
using namespace inetd::test;

TEST_CASE("a child speaks through its socket and finds its environment") {
    with_each_method([](Spawner& spawner, bool large) {
        const auto outcome = run(spawner, shell("echo $COLOUR $REMOTE_ADDR; exit 3"), large);
        CHECK(outcome.output == "blue 192.0.2.1\n");
        CHECK(outcome.end.text() == "exit 3");
        CHECK(outcome.reports.empty());
    });
}

TEST_CASE("a child has its socket on 0, 1 and 2 and nothing else") {
    const Fd leak(open("/dev/null", O_RDONLY)); // not close-on-exec, as a library may leave one
    with_each_method([](Spawner& spawner, bool large) {
        const auto outcome = run(spawner, {"/bin/ls", {"ls", "-l", "/proc/self/fd"}}, large);
        CAPTURE(outcome.output);
        std::size_t sockets = 0;
        for (auto at = outcome.output.find("socket:"); at != std::string::npos;
             at = outcome.output.find("socket:", at + 1))
            ++sockets;
        CHECK(sockets == 3);
        CHECK(outcome.output.find("/dev/null") == std::string::npos);
        CHECK(outcome.output.find("pipe:") == std::string::npos);
    });
}

TEST_CASE("descriptor 2 can be something else than the socket") {
    with_each_method([](Spawner& spawner, bool large) {
        std::array<int, 2> ends{};
        REQUIRE(pipe2(ends.data(), O_CLOEXEC) == 0);
        const Fd reader(ends[0]);
        Fd writer(ends[1]);
        // The number is below those that a shared table keeps, and above them.
        Fd high(fcntl(writer.get(), F_DUPFD_CLOEXEC, 200));
        for (Fd* errors : {&writer, &high}) {
            const auto outcome = run(spawner, shell("echo out; echo err >&2"), large, nullptr,
                                     nullptr, errors->get());
            CHECK(outcome.output == "out\n");
            std::array<char, 16> text{};
            CHECK(read(reader.get(), text.data(), text.size()) == 4);
            CHECK(std::string(text.data()) == "err\n");
        }
        writer.reset();
        high.reset();
        std::array<char, 1> byte{};
        CHECK(read(reader.get(), byte.data(), 1) == 0); // nobody else has it
    });
}

TEST_CASE("a child that asks for it finds its socket as sd_listen_fds(3) says") {
    const Program program =
        shell("for n in 4 5 6 7 8 9 10; do test -e /proc/$$/fd/$n && exit 9; done; "
              "places=$(readlink /proc/$$/fd/0 /proc/$$/fd/1); "
              "test $LISTEN_PID = $$ && echo $LISTEN_FDS $LISTEN_FDNAMES $COLOUR $places >&3");
    with_each_method([&](Spawner& spawner, bool large) {
        const auto outcome = run(spawner, program, large, nullptr, nullptr, -1, "/run/a:b");
        CHECK(outcome.output == "1 /run/a_b blue /dev/null /dev/null\n");
        CHECK(outcome.reports.empty());
    });
}

TEST_CASE("a child that asks for it can have something else on 2 as well") {
    std::array<int, 2> ends{};
    REQUIRE(pipe2(ends.data(), O_CLOEXEC) == 0);
    const Fd reader(ends[0]);
    const Fd writer(ends[1]);
    with_each_method([&](Spawner& spawner, bool large) {
        const auto outcome = run(spawner, shell("echo err >&2; echo out >&3"), large, nullptr,
                                 nullptr, writer.get(), "x");
        CHECK(outcome.output == "out\n");
        std::array<char, 16> text{};
        CHECK(read(reader.get(), text.data(), text.size()) == 4);
    });
}

TEST_CASE("a child that asks for it and cannot start is reported all the same") {
    with_each_method([](Spawner& spawner, bool large) {
        const auto outcome =
            run(spawner, {"/nonexistent", {"x"}}, large, nullptr, nullptr, -1, "name");
        REQUIRE(outcome.reports.size() == 1);
        CHECK(outcome.reports[0].code == ENOENT);
    });
}

TEST_CASE("a child has no signal blocked or ignored") {
    // As nohup(1) and the background of a shell have them ignored.
    for (const int number : {SIGHUP, SIGINT, SIGQUIT})
        std::signal(number, SIG_DFL);
    with_each_method([](Spawner& spawner, bool large) {
        const auto outcome = run(
            spawner, {"/bin/grep", {"grep", "-E", "^Sig(Blk|Ign):", "/proc/self/status"}}, large);
        CHECK(outcome.output.find("SigBlk:\t0000000000000000") != std::string::npos);
        CHECK(outcome.output.find("SigIgn:\t0000000000000000") != std::string::npos);
    });
}

TEST_CASE("a program that is not there is reported with its stage and errno") {
    with_each_method([](Spawner& spawner, bool large) {
        const auto outcome = run(spawner, {"/nonexistent/program", {"program"}}, large);
        CHECK(outcome.end.text() == "exit 127");
        REQUIRE(outcome.reports.size() == 1);
        CHECK(outcome.reports[0].pid == outcome.end.pid);
        CHECK(outcome.reports[0].stage == SpawnStage::exec);
        CHECK(outcome.reports[0].code == ENOENT);
    });
}

TEST_CASE("a report is read by whoever takes over the pipe, also one that was put back") {
    const Program program{"/nonexistent/program", {"program"}};
    auto before = Spawner::create(SpawnMethod::shared_memory);
    REQUIRE(before);
    const Outcome early = run(**before, program, false);
    REQUIRE(early.reports.size() == 1);
    (*before)->put_back(early.reports);
    auto after = Spawner::create(SpawnMethod::shared_memory);
    REQUIRE(after);
    const auto [read, write] = (*before)->pipe();
    (*after)->take_over({.read = dup(read), .write = dup(write)});
    const Outcome late = run(**after, program, false);
    REQUIRE(late.reports.size() == 2);
    CHECK(late.reports[0].pid == early.end.pid);
    CHECK(late.reports[1].pid == late.end.pid);
    CHECK((*before)->reports().empty());
}

TEST_CASE("how long it took until exec is told of those that came as far") {
    using Clock = std::chrono::steady_clock;
    with_each_method([](Spawner& spawner, bool large) {
        std::vector<std::pair<int, std::chrono::nanoseconds>> told;
        spawner.on_exec([&](const std::shared_ptr<void>& whose, std::chrono::nanoseconds took) {
            told.emplace_back(*static_cast<int*>(whose.get()), took);
        });
        const auto begin = Clock::now();
        Timing timing{std::make_shared<int>(1), begin - std::chrono::hours(1)};
        run(spawner, shell("exit 0"), large, nullptr, nullptr, -1, {}, timing);
        timing = {std::make_shared<int>(2), begin};
        run(spawner, {"/nonexistent", {"x"}}, large, nullptr, nullptr, -1, {}, timing);
        timing = {std::make_shared<int>(3), begin};
        run(spawner, shell("exit 0"), large, nullptr, nullptr, -1, {}, timing);
        run(spawner, shell("exit 0"), large); // nobody wants to know
        spawner.note_execs();
        const auto end = Clock::now();
        REQUIRE(told.size() == 2);
        CHECK(told[0].first == 1);
        CHECK(told[0].second >= std::chrono::hours(1));
        CHECK(told[0].second <= std::chrono::hours(1) + (end - begin));
        CHECK(told[1].first == 3);
        CHECK(told[1].second <= end - begin);
        spawner.note_execs();
        CHECK(told.size() == 2);
        CHECK(timing.whose.use_count() == 1);
    });
}

TEST_CASE("more children at once than there are slots") {
    for (const auto method : {SpawnMethod::shared_memory, SpawnMethod::fork}) {
        const BlockedSignals blocked;
        auto spawner = Spawner::create(method);
        REQUIRE(spawner);
        std::array<int, 2> pair{};
        REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) == 0);
        const Fd ours(pair[0]);
        Fd theirs(pair[1]);
        const Program good = shell("exit 7");
        const Program bad{"/nonexistent", {"x"}};
        std::size_t reaped = 0;
        std::size_t reported = 0;
        std::size_t told = 0;
        (*spawner)->on_exec([&](const auto&, std::chrono::nanoseconds) { ++told; });
        const auto whose = std::make_shared<int>(0);
        for (int i = 0; i < 200; ++i) {
            SpawnRequest request;
            request.program = i % 2 == 0 ? &good : &bad;
            request.socket = theirs.get();
            request.large_table = i % 3 == 0;
            request.whose = whose;
            request.since = std::chrono::steady_clock::now();
            REQUIRE((*spawner)->spawn(request));
            while (auto end = reap_one())
                ++reaped;
        }
        while (reaped < 200) {
            siginfo_t info{};
            REQUIRE(waitid(P_ALL, 0, &info, WEXITED | WNOWAIT) == 0);
            while (auto end = reap_one()) {
                CHECK(end->how == CLD_EXITED);
                ++reaped;
            }
        }
        for (const auto& report : (*spawner)->reports()) {
            CHECK(report.code == ENOENT);
            ++reported;
        }
        CHECK(reported == 100);
        (*spawner)->note_execs();
        CHECK(told > 0);
        if (method == SpawnMethod::shared_memory) CHECK(told <= 100);
        CHECK(whose.use_count() <= 17); // after a fork that has failed nobody tells
    }
}

// fcntl(2): whoever opens the file waits until the lease is given back, for 45 s at most.
TEST_CASE("children that hang before their programs keep the daemon waiting once each") {
    const BlockedSignals blocked;
    auto spawner = Spawner::create(SpawnMethod::shared_memory);
    REQUIRE(spawner);
    std::string path = "/tmp/inetd-test-XXXXXX";
    Fd file(mkstemp(path.data()));
    REQUIRE(file);
    REQUIRE(write(file.get(), "#!/bin/true\n", 12) == 12);
    REQUIRE(fchmod(file.get(), 0700) == 0);
    file.reset(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    fcntl(file.get(), F_SETSIG, SIGURG); // which does no harm once it is not blocked any more
    const bool can = fcntl(file.get(), F_SETLEASE, F_WRLCK) == 0;
    const Program hangs{path, {path}};
    const Program good{"/bin/true", {"true"}};
    std::size_t living = 0;
    const auto start = [&](const Program& program) {
        SpawnRequest request;
        request.program = &program;
        request.socket = file.get();
        REQUIRE((*spawner)->spawn(request));
        ++living;
    };
    if (can && (*spawner)->method() == SpawnMethod::shared_memory) {
        for (int i = 0; i < 16; ++i)
            start(hangs);
        rusage before{};
        rusage after{};
        getrusage(RUSAGE_THREAD, &before);
        for (int i = 0; i < 200; ++i)
            start(good);
        getrusage(RUSAGE_THREAD, &after);
        CHECK(after.ru_nvcsw - before.ru_nvcsw < 100);
        fcntl(file.get(), F_SETLEASE, F_UNLCK);
    }
    unlink(path.c_str());
    while (living != 0) {
        siginfo_t info{};
        REQUIRE(waitid(P_ALL, 0, &info, WEXITED | WNOWAIT) == 0);
        while (const auto end = reap_one()) {
            CHECK(end->succeeded());
            --living;
        }
    }
}
