#include "config/effective.h"
#include "settings_cases.h"

using namespace inetd;
using namespace inetd::test;

static const std::string kConf = "7 stream tcp4 nowait root internal\n"
                                 "7 dgram udp4 wait root internal discard\n"
                                 "[::1]:7 stream tcp6 nowait/5/6/7 root internal\n"
                                 "@x stream unix nowait root internal echo\n";

namespace {

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
          kUnixDump + "\n"
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
