#include "log/stream_sink.h"

#include "reader.h"

#include <fcntl.h>
#include <fstream>
#include <regex>
#include <sstream>

using namespace inetd;
using namespace inetd::test;
using log::Level;

static std::string text_of(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

TEST_CASE("log file: lines at its end, anew after reopen") {
    const Directory directory;
    const std::string path = directory.path + "/inetd.log";
    std::ofstream(path) << "before\n";
    auto sink = log::StreamSink::open_file(path);
    REQUIRE(sink);
    say(**sink, Level::info, "one");
    CHECK((*sink)->flush() == log::Rest::none);
    CAPTURE(text_of(path));
    CHECK(std::regex_match(text_of(path),
                           std::regex("before\n[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8} inetd\\[" +
                                      std::to_string(getpid()) + "\\]: one\n")));
    std::filesystem::rename(path, path + ".1");
    say(**sink, Level::info, "two");
    CHECK((*sink)->reopen());
    say(**sink, Level::info, "three");
    CHECK((*sink)->flush() == log::Rest::none);
    CHECK(text_of(path + ".1").ends_with("]: two\n"));
    CHECK(text_of(path).ends_with("]: three\n"));
    CHECK(text_of(path).find("two") == std::string::npos);
    struct stat status {};
    REQUIRE(stat(path.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == (0640 & ~022));
}

TEST_CASE("log file: one that cannot be opened") {
    const auto sink = log::StreamSink::open_file("/nonexistent/log");
    REQUIRE_FALSE(sink);
    CHECK(sink.error().text() == "open /nonexistent/log: No such file or directory");
}

TEST_CASE("standard error: a pipe that nobody reads does not hold us up") {
    std::array<int, 2> ends{};
    REQUIRE(pipe2(ends.data(), O_CLOEXEC) == 0);
    const Fd reader(ends[0]);
    Fd writer(ends[1]);
    const Fd kept(dup(STDERR_FILENO));
    REQUIRE(dup2(writer.get(), STDERR_FILENO) == STDERR_FILENO);
    writer.reset();
    std::string got;
    {
        log::StreamSink sink;
        const std::string line(999, 'x');
        for (int i = 0; i < 1000; ++i)
            say(sink, Level::error, line); // 1 MB into a pipe of 64 KB
        CHECK(sink.flush() != log::Rest::none);
        fcntl(reader.get(), F_SETFL, O_NONBLOCK);
        std::array<char, 65536> part{};
        for (bool done = false; !done;) {
            done = sink.flush() == log::Rest::none;
            for (ssize_t size = 0; (size = read(reader.get(), part.data(), part.size())) > 0;)
                got.append(part.data(), static_cast<std::size_t>(size));
        }
    }
    dup2(kept.get(), STDERR_FILENO);
    const auto lines = static_cast<std::size_t>(std::count(got.begin(), got.end(), '\n'));
    CHECK(lines > 200);
    CHECK(got.ends_with("\ninetd: " + std::to_string(1000 - (lines - 1)) +
                        " messages lost: the log did not take them\n"));
}
