#pragma once

#include "config/load.h"
#include "dump.h"

#include <doctest/doctest.h>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

// Settings over lines of inetd.conf, and what comes of both.
namespace inetd::test {

// The lines of inetd.conf, "t", under the settings "s" of the cases.
inline const std::string kEcho = "7 stream tcp4 nowait root internal\n";
inline const std::string kCat = "21 stream tcp4 nowait root /bin/cat\n";
inline const std::string kUnix = "@x stream unix nowait root internal echo\n";
inline const std::string kFile = "/run/x stream unix nowait root internal echo\n";
inline const std::string kDgram = "9 dgram udp4 wait root internal\n";

inline const std::string kEchoDump = "7/tcp4 stream 0.0.0.0:7 nowait root:0 <echo>";
inline const std::string kCatDump = "21/tcp4 stream 0.0.0.0:21 nowait root:0 /bin/cat [cat]";
inline const std::string kUnixDump = "@x/unix stream @x nowait root:0 <echo>";
inline const std::string kFileDump = "/run/x/unix stream /run/x nowait root:0 <echo>";
inline const std::string kDgramDump = "9/udp4 dgram 0.0.0.0:9 wait root:0 <discard>";

struct Case {
    std::string conf;
    std::string settings;
    std::string dump;
};

inline LoadOptions plain() {
    LoadOptions options;
    options.settings = "s";
    options.ipv6 = true;
    return options;
}

inline void check(const std::vector<Case>& cases) {
    for (const Case& one : cases) {
        if (geteuid() != 0 && one.conf.find("/bin/cat") != std::string::npos) continue;
        CAPTURE(one.settings);
        CHECK(dump(load_config_text(one.conf, "t", plain(), one.settings)) == one.dump);
    }
}

// The same as a key of `defaults`: nothing wrong, and `more` behind the line's dump.
inline void check_default(const std::string& conf, const std::string& line,
                          const std::vector<std::pair<std::string, std::string>>& cases) {
    for (const auto& [key, more] : cases)
        check({{conf, "defaults = { " + key + " };", line + more + "\n"}});
}

// A key of `defaults` with an error leaves no service.
inline void check_wrong(const std::vector<std::pair<std::string, std::string>>& cases) {
    for (const auto& [key, message] : cases)
        check({{kEcho, "\ndefaults = { " + key + " };", "s:2: error: " + message + "\n"}});
}

} // namespace inetd::test
