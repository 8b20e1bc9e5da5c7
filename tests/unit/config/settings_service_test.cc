#include "config/effective.h"
#include "config/keys.h"
#include "config/load.h"

#include "dump.h"

#include <algorithm>
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

using namespace inetd;
using namespace inetd::test;
namespace fs = std::filesystem;

static const std::string kConf = "7 stream tcp4 nowait root internal\n"
                                 "7 dgram udp4 wait root internal discard\n"
                                 "[::1]:7 stream tcp6 nowait/5/6/7 root internal\n"
                                 "@x stream unix nowait root internal echo\n";

namespace {

LoadOptions plain() {
    LoadOptions options;
    options.settings = "s";
    options.ipv6 = true;
    return options;
}

// The dump of `settings` over these lines, of which each that is as usual is left out.
std::string changed(const std::string& conf, const std::string& settings) {
    const std::string usual = dump(load_config_text(conf, "t", plain()));
    std::string out;
    const std::string all = dump(load_config_text(conf, "t", plain(), settings));
    for (std::size_t at = 0; at < all.size(); at = all.find('\n', at) + 1) {
        const std::string line = all.substr(at, all.find('\n', at) - at + 1);
        if (usual.find(line) == std::string::npos) out += line;
    }
    return out;
}

class TempDir {
  public:
    TempDir() {
        std::string name = (fs::temp_directory_path() / "inetd-settings-XXXXXX").string();
        path_ = mkdtemp(name.data());
    }
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;
    ~TempDir() { fs::remove_all(path_); }

    std::string write(const std::string& name, const std::string& text) const {
        std::ofstream(path_ / name) << text;
        fs::permissions(path_ / name, fs::perms::owner_read | fs::perms::owner_write);
        return path_ / name;
    }
    // The outcome for a file of settings, with the directory's own name left out.
    [[nodiscard]] std::string load(const std::string& settings, bool required = true) const {
        LoadOptions options = plain();
        options.paths = {write("conf", "@x stream unix nowait root internal echo\n")};
        options.settings = path_ / settings;
        options.settings_required = required;
        std::string out = dump(load_config(options));
        const std::string prefix = path_.string() + "/";
        for (auto at = out.find(prefix); at != std::string::npos; at = out.find(prefix))
            out.erase(at, prefix.size());
        return out;
    }

  private:
    fs::path path_;
};

const std::string kX = "@x/unix stream @x nowait root:0 <echo>";

std::string text_of(const fs::path& path) {
    std::ifstream stream(path);
    return {std::istreambuf_iterator<char>(stream), {}};
}

} // namespace

TEST_CASE("services: an entry is about the service of its name") {
    const std::string tcp = "7/tcp4 stream 0.0.0.0:7 nowait root:0 <echo>";
    const std::string conf = "7 stream tcp4 nowait root internal\n"
                             "127.0.0.1:7 stream tcp nowait root internal\n"
                             "9 stream tcp4 nowait root internal\n";
    const std::string at = "7/tcp stream 127.0.0.1:7 nowait root:0 <echo>";
    const std::string nine = "9/tcp4 stream 0.0.0.0:9 nowait root:0 <discard>";
    const std::string overlap =
        "t:2:11: warning: 127.0.0.1:7 overlaps with 7/tcp4 of t:1, and Linux "
        "binds just one of them\n  hint: give each of them its own "
        "addresses, or one service all of them\n";
    const auto outcome = [&](const std::string& entries) {
        std::string out =
            dump(load_config_text(conf, "t", plain(), "services = (" + entries + ");"));
        if (const auto where = out.find(overlap); where != std::string::npos)
            out.erase(where, overlap.size());
        return out;
    };
    CHECK(outcome(R"({ name = "7"; instances = 1; })") ==
          tcp + " instances=1\n" + at + " instances=1\n" + nine + "\n");
    CHECK(outcome(R"({ name = "7/tcp4"; instances = 1; })") ==
          tcp + " instances=1\n" + at + "\n" + nine + "\n");
    CHECK(outcome(R"({ name = "7"; protocol = "tcp"; instances = 1; })") ==
          tcp + "\n" + at + " instances=1\n" + nine + "\n");
    CHECK(outcome(R"({ name = "7"; address = "127.0.0.1"; instances = 1; })") ==
          tcp + "\n" + at + " instances=1\n" + nine + "\n");
    CHECK(outcome(R"({ name = "7"; address = "*"; instances = 1; })") ==
          tcp + " instances=1\n" + at + "\n" + nine + "\n");
    // The narrower one has the last word, whatever their order.
    CHECK(outcome(R"({ name = "7"; address = "*"; instances = 1; },
                     { name = "7"; instances = 2; backlog = 3; })") ==
          tcp + " instances=1 backlog=3\n" + at + " instances=2 backlog=3\n" + nine + "\n");
}

TEST_CASE("services: what is more particular wins") {
    LoadOptions options = plain();
    options.default_limits = {.instances = 11, .rate = Rate::per_minute(12), .per_source = 4};
    options.default_backlog = 13;
    options.given = {"instances", "rate", "per_source", "backlog"};
    const std::string settings = "defaults = { instances = 21; backlog = 23; per_source = 5;"
                                 "             send_buffer = 4096; socket_mode = 600; };\n"
                                 "services = ( { name = \"8\"; instances = 41; } );\n";
    CHECK(dump(load_config_text("7 stream tcp4 nowait root internal\n"
                                "8 stream,31 tcp4,sndbuf=1k nowait.32 root internal echo\n"
                                ":root:root:640:/run/x stream,9 unix nowait root internal echo\n",
                                "t", options, settings)) ==
          "7/tcp4 stream 0.0.0.0:7 nowait root:0 <echo> instances=21 starts=12 per_source=5 "
          "sndbuf=4096 backlog=23 mode=0600\n"
          "8/tcp4 stream 0.0.0.0:8 nowait root:0 <echo> instances=41 starts=32 per_source=5 "
          "sndbuf=1024 backlog=23 mode=0600\n"
          "/run/x/unix stream /run/x nowait root:0 <echo> instances=9 starts=12 per_source=5 "
          "sndbuf=4096 backlog=23 owner=0 group=0 mode=0640\n");
}

TEST_CASE("services: an error in an entry costs its services and no other") {
    const std::string conf =
        "7 stream tcp4 nowait root internal\n9 stream tcp4 nowait root internal\n";
    CHECK(dump(load_config_text(conf, "t", plain(),
                                R"(services = ( { name = "7"; instances = -1; } );)")) ==
          "9/tcp4 stream 0.0.0.0:9 nowait root:0 <discard>\n"
          "s:1: error: 'instances' takes a whole number from 0 to 1000000000, not -1\n");
    CHECK(dump(load_config_text(conf, "t", plain(),
                                "services = (\n { name = \"7\"; },\n"
                                " { name = \"7\"; backlog = 1; } );")) ==
          "9/tcp4 stream 0.0.0.0:9 nowait root:0 <discard>\n"
          "s:3: error: '7' is a duplicate of s:2\n");
}

TEST_CASE("services: names, protocols and addresses that fit nothing") {
    const auto outcome = [](const std::string& entry) {
        return changed(kConf, "services = ( { " + entry + " } );");
    };
    CHECK(changed("finger stream tcp4 nowait root internal echo\n",
                  R"(services = ( { name = "figner"; } );)") ==
          "s:1: error: no service is named 'figner'\n  hint: did you mean 'finger'?\n");
    CHECK(outcome(R"(name = "7"; protocol = "sctp";)") ==
          "s:1: error: no service is '7/sctp'\n"
          "  hint: 'protocol' and 'address' must be those of a line of inetd.conf\n");
    CHECK(outcome(R"(name = "7"; address = "127.0.0.9";)") ==
          "s:1: error: no service is '7' at 127.0.0.9\n"
          "  hint: 'protocol' and 'address' must be those of a line of inetd.conf\n");
    CHECK(outcome(R"(name = "7"; address = "localhost";)") ==
          "s:1: error: 'localhost' is not an address\n"
          "  hint: write it in digits, or \"*\" for a service on all addresses\n");
    CHECK(outcome(R"(name = 7;)") == "s:1: error: 'name' takes a string\n");
    CHECK(outcome(R"(name = "7"; protocol = "";)") == "s:1: error: 'protocol' takes a string\n");
}

TEST_CASE("services: a line with an error of its own is not missed as well") {
    CHECK(dump(load_config_text(
              "127.0.0.1:7 stream tcp4 never root internal\n"
              "9 stream tcp4 nowait nobody-at-all internal\n"
              "13 off;\n@x stream unix nowait root internal echo\n",
              "t", plain(),
              R"(services = ( { name = "7"; }, { name = "9"; }, { name = "13"; } );)")) ==
          kX + "\n"
               "t:1:25: error: 'never' is neither 'wait' nor 'nowait'\n"
               "t:2:22: error: unknown user 'nobody-at-all'\n");
}

TEST_CASE("services: a key that does nothing for the service is told") {
    const auto outcome = [](const std::string& name, const std::string& key) {
        return changed(kConf, "services = ( { name = \"" + name + "\"; " + key + "; } );");
    };
    CHECK(outcome("@x", "umask = 22") ==
          "s:1: warning: 'umask' has no effect on @x/unix, which is built in\n");
    CHECK(outcome("@x", "socket_mode = 600")
              .find("'socket_mode' has no effect on @x/unix, which "
                    "has no socket in the file system\n") != std::string::npos);
    CHECK(outcome("7/udp4", "backlog = 1")
              .find("'backlog' has no effect on 7/udp4, which has no "
                    "connections\n") != std::string::npos);
    CHECK(outcome("7/udp4", "per_source = 1")
              .find("'per_source' has no effect on 7/udp4, which is built in and has no "
                    "instances\n") != std::string::npos);
    CHECK(outcome("7/udp4", "nodelay = true")
              .find("'nodelay' has no effect on 7/udp4, which is not TCP\n") != std::string::npos);
    CHECK(outcome("@x", "tos = 4")
              .find("'tos' has no effect on @x/unix, which has no address of "
                    "IP\n") != std::string::npos);
    // It is of use to another service of that name.
    CHECK(outcome("7", "backlog = 1").find("warning") == std::string::npos);
    CHECK(outcome("@x", "instances = 0; overflow = \"refuse\"")
              .find("'overflow' has no effect on @x/unix, which has no limit that could "
                    "overflow\n") != std::string::npos);
    CHECK(outcome("7/tcp4", "source_prefix_v4 = 24")
              .find("'source_prefix_v4' has no effect on 7/tcp4, which has no limit for a "
                    "source\n") != std::string::npos);
    for (const char* name : {"daytime", "time", "tcpmux", "auth"})
        CHECK(changed(std::string("9 stream tcp4 nowait root internal ") + name + "\n",
                      R"(services = ( { name = "9"; session_timeout = 5; idle_timeout = 5; } );)")
                  .find("warning") == std::string::npos);
    CHECK(outcome("7/tcp4", "session_timeout = 5").find("warning") == std::string::npos);
    CHECK(outcome("7/udp4", "session_timeout = 5")
              .find("'session_timeout' has no effect on 7/udp4, which is built in and has no "
                    "instances\n") != std::string::npos);
    CHECK(outcome("@x", "instances = 3; per_source = 4")
              .find("s:1: warning: 'per_source' (4) is more than 'instances' (3) of @x/unix\n"
                    "  hint: one client alone reaches 'instances' first\n") != std::string::npos);
    CHECK(changed(kConf, "defaults = { instances = 3; per_source = 4; };")
              .find("s:1: warning: 'per_source' (4) is more than 'instances' (3)\n") !=
          std::string::npos);
    if (geteuid() != 0) return;
    CHECK(changed("7 stream tcp4 wait root /bin/cat\n",
                  R"(services = ( { name = "7"; rate_per_source = "1/s"; idle_timeout = 1; } );)")
              .find("'rate_per_source' has no effect on 7/tcp4, which is 'wait': its server takes "
                    "the clients itself\n") != std::string::npos);
}

TEST_CASE("settings: mistakes of syntax are those of libconfig, with their place") {
    const TempDir dir;
    const auto outcome = [&](const std::string& text) {
        dir.write("s", text);
        return dir.load("s");
    };
    CHECK(outcome("daemon = {\n  strict = ;\n};\n") ==
          "s:2: error: syntax error\n  hint: strings stand in double quotes; the last item of a "
          "list has no comma after it; the mistake may be in the line before\n");
    CHECK(outcome("defaults = { nice = 1; nice = 2; };") ==
          "s:1: error: duplicate setting name\n  hint: write each key once\n");
    CHECK(outcome(std::string("defaults = { }; \0 = 1;", 22)) ==
          "s: error: there is a NUL byte in this file\n");
    CHECK(outcome("@include \"gone.cfg\"\n") ==
          "s:1: error: cannot open include file\n"
          "  hint: its name is relative to the directory of the settings file\n");
    CHECK(outcome("daemon = " + std::string(40, '(') + std::string(40, ')') + ";")
              .find("s:1: error: settings are nested more than 16 deep\n") != std::string::npos);
}

TEST_CASE("settings: a file may include others") {
    const TempDir dir;
    dir.write("more.cfg", "defaults = { instances = 5;\n  nice = 99; };\n");
    dir.write("broken.cfg", "\n\ndefaults = { x = ; };\n");
    dir.write("good.cfg", "instances = 5;\n");
    dir.write("self.cfg", "@include \"self.cfg\"\n");
    dir.write("s", "@include \"more.cfg\"\n");
    CHECK(dir.load("s") ==
          "more.cfg:2: error: 'nice' takes a whole number from -20 to 19, not 99\n");
    dir.write("s", "@include \"broken.cfg\"\n");
    CHECK(dir.load("s").starts_with("broken.cfg:3: error: syntax error\n"));
    dir.write("s", "defaults = {\n@include \"good.cfg\"\n};\n");
    CHECK(dir.load("s") == kX + " instances=5\n");
    dir.write("s", "@include \"self.cfg\"\n");
    CHECK(dir.load("s") == "self.cfg:1: error: include file nesting too deep\n");
}

TEST_CASE("settings: a file that is absent or open to all") {
    const TempDir dir;
    CHECK(dir.load("gone", false) == kX + "\n");
    CHECK(dir.load("gone") == "gone: error: cannot read gone: No such file or directory\n");
    CHECK(dir.load("", false).find("Is a directory") != std::string::npos);
    fs::permissions(dir.write("s", ""), fs::perms::others_write, fs::perm_options::add);
    CHECK(dir.load("s") == kX + "\ns: warning: anybody may write to this file\n"
                                "  hint: chmod o-w s\n");
}

TEST_CASE("daemon: the settings file speaks, but an option has been typed just now") {
    const std::string settings =
        "daemon = { stop_timeout = \"3s\"; idle_timeout = 20; dump_file = \"/not-there-yet\";\n"
        " log_connections = true; keep_environment = true; strict = true; };";
    Loaded loaded = load_config_text(kConf, "t", plain(), settings);
    CHECK(loaded.daemon.stop_timeout == std::chrono::seconds(3));
    CHECK(loaded.daemon.dump_file == "/not-there-yet");
    CHECK(loaded.daemon.log_connections);
    CHECK(loaded.daemon.keep_environment);
    CHECK(loaded.daemon.strict);
    CHECK(loaded.services.front()->terms->idle_timeout == std::chrono::seconds(20));
    LoadOptions options = plain();
    options.daemon.stop_timeout = std::chrono::seconds(8);
    options.given = {"stop_timeout"};
    loaded = load_config_text(kConf, "t", options, settings + "defaults = { idle_timeout = 0; };");
    CHECK(loaded.daemon.stop_timeout == std::chrono::seconds(8));
    CHECK(loaded.services.front()->terms->idle_timeout == std::chrono::seconds(0));
}

TEST_CASE("services that are surrounded by the same share one object") {
    const Loaded loaded = load_config_text(kConf, "t", plain(), R"(defaults = { umask = 27; };)");
    REQUIRE(loaded.services.size() >= 2);
    CHECK(loaded.services[0]->terms->surroundings == loaded.services[1]->terms->surroundings);
    CHECK(loaded.drafts.empty());
}

TEST_CASE("a dump says where each value comes from, and is a settings file itself") {
    LoadOptions options = plain();
    options.trace = true;
    options.default_backlog = 6;
    options.given = {"backlog", "log_connections"};
    options.daemon.log_connections = true;
    const std::string settings = "daemon = { idle_timeout = 7; };\n"
                                 "defaults = { rate = \"5/s\"; per_source = 9; };\n"
                                 "services = ( { name = \"@x\"; enabled = false; },\n"
                                 " { name = \"7\"; protocol = \"tcp6\"; instances = 8; } );\n";
    const std::string text = effective_text(load_config_text(kConf, "t", options, settings));
    const auto says = [&](const std::string& line) { return text.find(line) != std::string::npos; };
    CHECK(says("  stop_timeout = \"10s\";                  # built in\n"));
    CHECK(says("  log_connections = true;                # command line\n"));
    CHECK(says("  idle_timeout = \"7s\";                   # daemon, s:1\n"));
    CHECK(says("    idle_timeout = \"7s\";                 # daemon, s:1\n"));
    CHECK(says("    rate = \"5/s\";                        # defaults, s:2\n"));
    CHECK(says("    backlog = 6;                         # command line\n"));
    CHECK(says("    enabled = false;                     # services, s:3\n"));
    CHECK(says("    send_buffer = 0;                     # built in\n"));
    CHECK_FALSE(says("umask"));
    const Loaded again = load_config_text(kConf, "t", options, text);
    CHECK_FALSE(has_errors(again.diagnostics));
    const std::string second = effective_text(again);
    const auto values = [](const std::string& from) {
        std::string out;
        for (std::size_t at = 0; at < from.size(); at = from.find('\n', at) + 1) {
            const std::string line = from.substr(at, from.find('\n', at) - at);
            out += line.substr(0, line.find(" # ")) + "\n";
        }
        return out;
    };
    CHECK(values(second) == values(text));
}

TEST_CASE("the manual has an entry for each key, and for no other") {
    const std::string page = text_of(fs::path(INETD_SOURCE_ROOT) / "docs/man/inetd.cfg.5");
    REQUIRE_FALSE(page.empty());
    std::vector<std::string> documented;
    const std::string mark = "\n.It Ic ";
    for (auto at = page.find(mark); at != std::string::npos; at = page.find(mark, at + 1)) {
        const auto from = at + mark.size();
        documented.push_back(page.substr(from, page.find_first_of(" \n", from) - from));
    }
    std::vector<std::string> keys{"name", "protocol", "address"};
    for (const DaemonKey& key : daemon_keys())
        keys.emplace_back(key.name);
    for (const ServiceKey& key : service_keys())
        keys.emplace_back(key.name);
    std::sort(documented.begin(), documented.end());
    std::sort(keys.begin(), keys.end());
    CHECK(documented == keys);
}

// The sample's line with that text, where the machine or the build has nothing of the kind.
static void leave_out(std::string& sample, const std::string& text, bool is_there) {
    const auto at = sample.find(text);
    REQUIRE(at != std::string::npos);
    if (!is_there) sample.erase(at, sample.find('\n', at) - at);
}

TEST_CASE("the sample is good as it is, and with all that it proposes") {
    std::string sample = text_of(fs::path(INETD_SOURCE_ROOT) / "etc/inetd.cfg");
    REQUIRE_FALSE(sample.empty());
    const std::string conf = "echo stream tcp nowait root internal\n"
                             "127.0.0.1:time dgram udp wait root internal\n"
                             "ftp stream tcp nowait root /bin/cat\n"
                             "daytime stream tcp nowait root internal\n"
                             "8080 stream tcp wait root /bin/cat\n"
                             "/run/x.sock stream unix nowait root /bin/cat\n"
                             "/run/y.sock stream unix nowait root /bin/cat\n"
                             "5432 stream tcp nowait root internal redirect @db\n"
                             "80 stream tcp nowait root internal echo\n"
                             "23 stream tcp nowait root internal discard\n";
    if (geteuid() != 0) return;
    CHECK(load_config_text(conf, "t", plain(), sample).diagnostics.empty());
    // Prose is behind "//", and what is proposed behind "#".
    for (auto at = sample.find("\n#"); at != std::string::npos; at = sample.find("\n#", at))
        sample.erase(at + 1, 1);
#ifndef INETD_HAVE_LIBCAP
    leave_out(sample, "capabilities = ", false);
#endif
    leave_out(sample, "banner_fail = ", fs::exists("/etc/issue.net"));
#ifndef INETD_HAVE_LIBWRAP
    leave_out(sample, "libwrap = ", false);
#endif
    leave_out(sample, "landlock = ", syscall(SYS_landlock_create_ruleset, nullptr, 0, 1) > 0);
    const Loaded loaded = load_config_text(conf, "t", plain(), sample);
    CHECK(dump(loaded).find("error") == std::string::npos);
    CHECK(dump(loaded).find("warning") == std::string::npos);
    CHECK(loaded.services.size() == 9);
}
