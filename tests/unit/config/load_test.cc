#include "config/load.h"

#include "config_directory.h"

#include <algorithm>
#include <doctest/doctest.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

using namespace inetd;
using namespace inetd::test;
namespace fs = std::filesystem;

// All of these are built in, so that anybody may run them.
static const std::string kEcho = "7 stream tcp4 nowait root internal\n";
static const std::string kEchoDump = "7/tcp4 stream 0.0.0.0:7 nowait root:0 <echo>\n";
static const std::string kTime = "37 stream tcp4 nowait root internal\n";
static const std::string kTimeDump = "37/tcp4 stream 0.0.0.0:37 nowait root:0 <time>\n";

namespace {

struct Lines : ConfigDirectory {
    [[nodiscard]] std::string load(const std::vector<std::string>& names) const {
        LoadOptions options;
        for (const auto& name : names)
            options.paths.push_back(path(name));
        return outcome(options);
    }
};

} // namespace

TEST_CASE("files are loaded in the order given") {
    const Lines dir;
    dir.write("a", kTime);
    dir.write("b", kEcho);
    CHECK(dir.load({"b", "a"}) == kEchoDump + kTimeDump);
    CHECK(dir.load({"a", "gone", "b"}) ==
          kTimeDump + kEchoDump + "gone: error: cannot read gone: No such file or directory\n");
    CHECK(dir.load({"a", "a"}) ==
          kTimeDump + "a:1:1: error: 37/tcp4 at 0.0.0.0:37 is a duplicate of a:1\n");
}

TEST_CASE("of a directory the *.conf files are loaded in byte order") {
    const Lines dir;
    dir.write("d/20.conf", kTime);
    dir.write("d/10.conf", kEcho);
    dir.write("d/10.conf~", "nonsense");
    dir.write("d/.hidden.conf", "nonsense");
    dir.write("d/README", "nonsense");
    CHECK(dir.load({"d"}) == kEchoDump + kTimeDump);
    fs::create_directory(dir.path("empty"));
    CHECK(dir.load({"empty"}) == "empty: warning: there are no services in this configuration\n");
}

TEST_CASE("an include is relative to its file, sorted, and without leftovers") {
    const Lines dir;
    dir.write("main", ".include \"sub/*\"\n");
    dir.write("sub/b", kTime);
    dir.write("sub/a", ".include ../other\n");
    dir.write("sub/a~", "nonsense");
    dir.write("sub/b.dpkg-old", "nonsense");
    dir.write("other", kEcho);
    CHECK(dir.load({"main"}) == kEchoDump + kTimeDump);
    dir.write("dirs", ".include sub2\n.include nothing/*\n");
    dir.write("sub2/x.conf", kEcho);
    CHECK(dir.load({"dirs"}) == kEchoDump);
}

TEST_CASE("an include that comes back to itself is found") {
    const Lines dir;
    dir.write("a", kEcho + ".include b\n");
    dir.write("b", kTime + ".include a\n");
    CHECK(dir.load({"a"}) == kEchoDump + kTimeDump + "b:2:10: error: 'a' is included by itself\n");
}

TEST_CASE("only regular files are included") {
    const Lines dir;
    REQUIRE(mkfifo(dir.path("pipe").c_str(), 0600) == 0);
    dir.write("main", ".include pipe\n");
    CHECK(dir.load({"main"}) == "main:1:10: error: cannot read pipe: not a regular file\n");
}

TEST_CASE("a default address ends with its file and is handed to those included") {
    const Lines dir;
    dir.write("main", "127.0.0.1:\n.include sub\n7 stream tcp nowait root internal\n");
    dir.write("sub", "37 stream tcp nowait root internal\n127.0.0.2:\n"
                     "9 stream tcp nowait root internal\n");
    dir.write("next", kEcho);
    CHECK(dir.load({"main"}) == "37/tcp stream 127.0.0.1:37 nowait root:0 <time>\n"
                                "9/tcp stream 127.0.0.2:9 nowait root:0 <discard>\n"
                                "7/tcp stream 127.0.0.1:7 nowait root:0 <echo>\n");
}

TEST_CASE("what the command line says lies beneath the columns") {
    LoadOptions options;
    options.default_address = "127.0.0.5";
    options.default_backlog = 11;
    options.default_limits = {.instances = 3,
                              .rate = Rate::per_minute(4),
                              .per_source = 5,
                              .source_rate = Rate::per_minute(6)};
    const std::string text = "7 stream tcp nowait root internal\n"
                             "127.0.0.1:9 stream tcp nowait/8/9/0 root internal\n"
                             "*:13 stream tcp4 nowait.2 root internal\n"
                             "@x stream unix nowait root internal echo\n";
    CHECK(dump(load_config_text(text, "t", options)) ==
          "7/tcp stream 127.0.0.5:7 nowait root:0 <echo> instances=3 starts=4 per_source=5 "
          "source_starts=6 backlog=11\n"
          "9/tcp stream 127.0.0.1:9 nowait root:0 <discard> instances=8 starts=4 source_starts=9 "
          "backlog=11\n"
          "13/tcp4 stream 0.0.0.0:13 nowait root:0 <daytime> instances=3 starts=2 per_source=5 "
          "source_starts=6 backlog=11\n"
          "@x/unix stream @x nowait root:0 <echo> instances=3 starts=4 per_source=5 "
          "source_starts=6 backlog=11\n");
    options.default_address = "[::1";
    const Loaded loaded = load_config_text(kEcho, "t", options);
    CHECK(loaded.services.empty());
    CHECK(has_errors(loaded.diagnostics));
}

TEST_CASE("without IPv6 nothing is opened that needs it, unless asked for by name") {
    LoadOptions options;
    options.ipv6 = false;
    CHECK(dump(load_config_text("7 stream tcp nowait root internal\n"
                                "9 stream tcp46 nowait root internal\n"
                                "13 stream tcp6 nowait root internal\n",
                                "t", options)) ==
          "7/tcp stream 0.0.0.0:7 nowait root:0 <echo>\n"
          "9/tcp46 stream 0.0.0.0:9 nowait root:0 <discard>\n"
          "13/tcp6 stream [::]:13 nowait root:0 <daytime>\n");
}

TEST_CASE("a host without an address is an error") {
    const Loaded loaded =
        load_config_text("nosuchhost.invalid:7 stream tcp nowait root internal\n", "t", {});
    REQUIRE(loaded.diagnostics.size() == 1);
    CHECK(loaded.diagnostics[0].headline().starts_with(
        "t:1:1: error: no address for host 'nosuchhost.invalid': "));
}

TEST_CASE("texts from other systems") {
    CHECK(dump(load_config_text("7 stream tcp4 nowait root internal\r\n\r\n"
                                "37 stream tcp4 nowait root \\\r\ninternal\r\n",
                                "t", {})) ==
          kEchoDump + kTimeDump +
              "t:1: warning: lines end in carriage return and newline, as on DOS\n"
              "  hint: they are left out; to remove them: sed -i 's/\\r$//' FILE\n");
    CHECK(dump(load_config_text("\xEF\xBB\xBF" + kEcho, "t", {})) == kEchoDump);
    CHECK(dump(load_config_text(kEcho + std::string("ftp\0 x\n", 7) + kTime, "t", {})) ==
          kEchoDump + kTimeDump +
              "t:2:4: error: the line holds a NUL byte\n  hint: is this a text file?\n");
    CHECK(dump(load_config_text(kEcho + std::string(140000, 'x') + "\n" + kTime, "t", {})) ==
          kEchoDump + kTimeDump + "t:2: error: the line has 140000 bytes, more than 131071\n");
    CHECK(dump(load_config_text("@\xff\xfe stream unix nowait root internal echo", "t", {})) ==
          "@\xff\xfe/unix stream @\\xff\\xfe nowait root:0 <echo>\n");
}

TEST_CASE("a file that anybody may write draws a warning") {
    const Lines dir;
    chmod(dir.write("main", kEcho).c_str(), 0666);
    CHECK(dir.load({"main"}) == kEchoDump + "main: warning: anybody may write to this file\n"
                                            "  hint: chmod o-w main\n");
}

TEST_CASE("equal accounts and programs are one object") {
    if (geteuid() != 0) return;
    const Loaded loaded = load_config_text("1001 stream tcp nowait root /bin/cat\n"
                                           "1002 stream tcp nowait root:root /bin/cat cat\n"
                                           "1003 stream tcp nowait 0 /bin/cat cat -u\n"
                                           "1004 stream tcp nowait root:daemon /bin/cat\n",
                                           "t", {});
    REQUIRE(loaded.services.size() == 4);
    const auto& services = loaded.services;
    CHECK(services[0]->terms->account == services[1]->terms->account);
    CHECK(services[0]->terms->account == services[2]->terms->account);
    CHECK(services[0]->terms->account != services[3]->terms->account);
    CHECK(services[0]->program == services[1]->program);
    CHECK(services[0]->program != services[2]->program);
    CHECK(services[0]->program == services[3]->program);
    CHECK(services[0]->terms->account->home == "/root");
    CHECK(services[0]->terms->file == "t");
    CHECK(services[3]->line == 4);
    const auto& groups = services[3]->terms->account->groups;
    CHECK(std::count(groups.begin(), groups.end(), services[3]->terms->account->gid) == 1);
}
