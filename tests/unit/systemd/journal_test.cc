#include "systemd/journal.h"

#include "../log/reader.h"

#include <fcntl.h>
#include <syslog.h>

using namespace inetd;
using namespace inetd::test;
using namespace std::string_literals;
using log::Level;

static std::string field(std::string_view name, std::string_view value) {
    std::string out;
    append_journal_field(out, name, value);
    return out;
}

static std::string entry(Level level, std::string_view text, const log::About& about = {}) {
    std::string out;
    append_journal_entry(out, {level, text, about});
    return out;
}

TEST_CASE("journal: a field is a line, or has its length in front") {
    CHECK(field("NAME", "value") == "NAME=value\n");
    CHECK(field("NAME", "") == "NAME=\n");
    CHECK(field("NAME", "a=b") == "NAME=a=b\n");
    CHECK(field("NAME", "a\nb") == "NAME\n\3\0\0\0\0\0\0\0a\nb\n"s);
    CHECK(field("NAME", std::string(300, 'x') + "\n") ==
          "NAME\n\x2d\1\0\0\0\0\0\0"s + std::string(300, 'x') + "\n\n");
    CHECK(field("NAME", "\0\xff\x80"s) == "NAME=\0\xff\x80\n"s);
}

TEST_CASE("journal: the fields of an entry") {
    CHECK(entry(Level::warning, "text") == "MESSAGE=text\nPRIORITY=4\n");
    const auto peer = SocketAddress::parse_ip("::ffff:192.0.2.1", 4000);
    CHECK(entry(Level::info, "ftp: ended",
                {.event = log::Event::child_ended,
                 .service = "ftp",
                 .peer = &*peer,
                 .pid = 77,
                 .exit_status = "SEGV",
                 .lasted = std::chrono::milliseconds(1500)}) ==
          "MESSAGE=ftp: ended\nPRIORITY=6\nMESSAGE_ID=43c0c3a64e2c4e21966bf0a664923463\n"
          "SERVICE=ftp\nREMOTE_ADDR=192.0.2.1\nREMOTE_PORT=4000\nSERVICE_PID=77\n"
          "EXIT_STATUS=SEGV\nDURATION_USEC=1500000\n");
    CHECK(entry(Level::notice, "x", {.refused_by = "per_source"}) ==
          "MESSAGE=x\nPRIORITY=5\nREFUSED_BY=per_source\n");
    CHECK(entry(Level::info, "x", {.bytes_in = 0, .bytes_out = UINT64_MAX, .user = "a\nb"}) ==
          "MESSAGE=x\nPRIORITY=6\nBYTES_IN=0\nBYTES_OUT=18446744073709551615\n"
          "USERID\n\3\0\0\0\0\0\0\0a\nb\n"s);
    CHECK(entry(Level::error, "x", {.event = log::Event::cannot_accept}) ==
          "MESSAGE=x\nPRIORITY=3\nMESSAGE_ID=0e522b608d1743ee907172f5b432a048\n");
    const SocketAddress unknown;
    CHECK(entry(Level::info, "x", {.peer = &unknown}) == "MESSAGE=x\nPRIORITY=6\n");
}

TEST_CASE("journal: an entry in a datagram, or in sealed memory if it is too large") {
    const Directory directory;
    const std::string path = directory.path + "/socket";
    const Reader reader(path);
    auto sink = JournalSink::create(LOG_LOCAL1, path);
    REQUIRE(sink);
    say(**sink, Level::info, "hello");
    CHECK(reader.next() == "SYSLOG_IDENTIFIER=inetd\nSYSLOG_FACILITY=17\nMESSAGE=hello\n"
                           "PRIORITY=6\n");
    const std::string large(std::size_t{2} << 20, 'x');
    say(**sink, Level::info, large);
    Fd memory;
    const std::string text = reader.next(&memory);
    CHECK(text ==
          "SYSLOG_IDENTIFIER=inetd\nSYSLOG_FACILITY=17\nMESSAGE=" + large + "\nPRIORITY=6\n");
    REQUIRE(memory);
    CHECK(fcntl(memory.get(), F_GET_SEALS) ==
          (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE));
    CHECK((*sink)->flush() == log::Rest::none);
}

TEST_CASE("journal: one that does not read costs messages, not time, and hears how many") {
    const Directory directory;
    const std::string path = directory.path + "/socket";
    const Reader reader(path);
    auto sink = JournalSink::create(LOG_DAEMON, path);
    REQUIRE(sink);
    for (int i = 0; i < 10000; ++i)
        say(**sink, Level::info, "hello");
    CHECK((*sink)->flush() != log::Rest::none);
    std::size_t seen = 0;
    std::string last;
    for (bool done = false; !done;) {
        done = (*sink)->flush() == log::Rest::none;
        for (std::string text = reader.next(); !text.empty(); text = reader.next()) {
            ++seen;
            last = text;
        }
    }
    CHECK(last == "SYSLOG_IDENTIFIER=inetd\nSYSLOG_FACILITY=3\nMESSAGE=" +
                      std::to_string(10000 - (seen - 1)) +
                      " messages lost: the journal did not take them\nPRIORITY=4\n");
}

TEST_CASE("journal: none is there") {
    const auto sink = JournalSink::create(LOG_DAEMON, "/nonexistent/socket");
    REQUIRE_FALSE(sink);
    CHECK(sink.error().text() == "connect /nonexistent/socket: No such file or directory");
}
