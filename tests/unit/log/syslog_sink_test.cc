#include "log/syslog_sink.h"

#include "reader.h"

#include <regex>
#include <syslog.h>

using namespace inetd;
using namespace inetd::test;
using log::Level;

TEST_CASE("syslog: a message as syslog(3) sends it") {
    const Directory directory;
    const std::string path = directory.path + "/log";
    const Reader reader(path);
    log::SyslogSink sink(LOG_LOCAL3, path);
    say(sink, Level::notice, "ftp: no room");
    const std::string text = reader.next();
    CAPTURE(text);
    CHECK(std::regex_match(text, std::regex("<157>[A-Z][a-z]{2} [ 1-3][0-9] [0-9:]{8} inetd\\[" +
                                            std::to_string(getpid()) + "\\]: ftp: no room")));
    CHECK(sink.flush() == log::Rest::none);
    CHECK(reader.next().empty());
}

TEST_CASE("syslog: a reader that does not read costs messages, not time") {
    const Directory directory;
    const std::string path = directory.path + "/log";
    const Reader reader(path);
    log::SyslogSink sink(LOG_DAEMON, path);
    const std::string filler(1000, 'x');
    constexpr std::size_t kMessages = 10000; // ten times what is kept
    for (std::size_t i = 0; i < kMessages; ++i)
        say(sink, Level::info, std::to_string(i) + filler);
    CHECK(sink.flush() != log::Rest::none);

    std::size_t seen = 0;
    std::string lost;
    for (bool done = false; !done;) {
        done = sink.flush() == log::Rest::none;
        for (std::string text = reader.next(); !text.empty(); text = reader.next()) {
            if (text.find("messages lost: syslog did not take them") != std::string::npos) {
                lost = text.substr(text.find("]: ") + 3);
            } else {
                CHECK(text.find("]: " + std::to_string(seen) + "x") != std::string::npos);
                ++seen;
            }
        }
    }
    CHECK(seen > 500);
    CHECK(lost == std::to_string(kMessages - seen) + " messages lost: syslog did not take them");
}

TEST_CASE("syslog: what is said before there is a reader reaches it, and the next one") {
    const Directory directory;
    const std::string path = directory.path + "/log";
    log::SyslogSink sink(LOG_DAEMON, path);
    say(sink, Level::info, "early");
    CHECK(sink.flush() != log::Rest::none);
    {
        const Reader reader(path);
        CHECK(sink.flush() == log::Rest::none);
        CHECK(reader.next().ends_with("]: early"));
    }
    const Reader next(path);
    say(sink, Level::info, "late");
    CHECK(sink.flush() == log::Rest::none);
    CHECK(next.next().ends_with("]: late"));
}
