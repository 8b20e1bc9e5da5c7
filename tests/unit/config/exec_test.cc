#include "config/exec.h"

#include "dump.h"

#include <doctest/doctest.h>
#include <unistd.h>

using namespace inetd;
using namespace inetd::test;

namespace {

struct Spec {
    std::string spec;
    std::string dump;
};

LoadOptions options_for(const std::vector<ExecService>& execs) {
    LoadOptions options;
    options.ipv6 = true;
    options.program_path = {"/nonexistent", "/bin", "/usr/bin"};
    options.execs = execs;
    return options;
}

ExecService exec(const std::string& spec, std::vector<std::string> command) {
    ExecService out{.spec = spec, .command = std::move(command), .program = {}};
    out.program = out.command.front();
    return out;
}

std::string load(const std::vector<ExecService>& execs) {
    return dump(load_config(options_for(execs)));
}

} // namespace

TEST_CASE("--exec: the words of a spec") {
    if (geteuid() != 0) return;
    const std::vector<Spec> specs = {
        {"tcp 8080 nowait",
         "8080/tcp stream 0.0.0.0:8080 [::]:8080 nowait root:0 /bin/cat [cat]\n"},
        {"8080", "8080/tcp stream 0.0.0.0:8080 [::]:8080 nowait root:0 /bin/cat [cat]\n"},
        {"nowait ftp 1 tcp4", "ftp/tcp4 stream 0.0.0.0:21 nowait daemon:1 /bin/cat [cat]\n"},
        {"wait 127.0.0.1:5300 udp4", "5300/udp4 dgram 127.0.0.1:5300 wait root:0 /bin/cat [cat]\n"},
        {"dgram [::1]:53", "53/udp dgram [::1]:53 nowait root:0 /bin/cat [cat]\n"},
        {"/run/x.sock", "/run/x.sock/unix stream /run/x.sock nowait root:0 /bin/cat [cat]\n"},
        {"@x dgram", "@x/unix dgram @x wait root:0 /bin/cat [cat]\n"},
        {"'/run/a b' seqpacket nobody",
         "/run/a b/unix seqpacket /run/a b nowait nobody:65534 /bin/cat [cat]\n"},
        {"7000 seqpacket", "7000/sctp seqpacket 0.0.0.0:7000#132 [::]:7000#132 nowait root:0 "
                           "/bin/cat [cat]\n"},
        {"tcp46,rcvbuf=8k 80 nowait/3/60/2 daemon:0",
         "80/tcp46 stream [::]:80+v4 nowait daemon:0 /bin/cat [cat] instances=3 per_source=2 "
         "source_starts=60 rcvbuf=8192\n"},
        {"stream,9 80", "80/tcp stream 0.0.0.0:80 [::]:80 nowait root:0 /bin/cat [cat] "
                        "instances=9\n"},
    };
    for (const Spec& spec : specs) {
        CAPTURE(spec.spec);
        CHECK(load({exec(spec.spec, {"cat"})}) == spec.dump);
    }
}

TEST_CASE("--exec: what is wrong with a spec") {
    const std::vector<Spec> specs = {
        {"", "--exec:1:1: error: neither a port nor a path is named\n"
             "  hint: as in 'tcp 8080' or '/run/x.sock'\n"},
        {"tcp wait", "--exec:1:9: error: neither a port nor a path is named\n"
                     "  hint: as in 'tcp 8080' or '/run/x.sock'\n"},
        {"8080 tcp  udp", "--exec:1:11: error: 'udp' is a second protocol\n"
                          "  hint: one --exec has one socket; write another --exec for another\n"},
        {"8080 root nowiat", "--exec:1:11: error: 'nowiat' is one word too many\n"
                             "  hint: did you mean 'nowait'?\n"},
        {"8080 root extra", "--exec:1:11: error: 'extra' is one word too many\n"
                            "  hint: '8080' is the socket, and 'root' the user\n"},
        {"8080 nowiat", "--exec:1:6: error: unknown user 'nowiat'\n"
                        "  hint: did you mean 'nowait'?\n"},
        {"tcp 80800", "--exec:1:5: error: '80800' is not a port number\n"
                      "  hint: ports are numbers from 1 to 65535\n"},
        {"tcp 80 nowait/x", "--exec:1:15: error: 'x' is not a number for servers at once\n"
                            "  hint: write a whole number; 0 stands for no limit\n"},
        {"tcp @x", "--exec:1:1: error: '@x' is a path, but 'tcp' has ports\n"
                   "  hint: write 'unix' as its protocol\n"},
        {"raw icmp", "--exec:1:1: error: a raw service is for inetd.conf\n"
                     "  hint: there its protocol is any of protocols(5)\n"},
        {"'tcp 80", "--exec:1:1: error: this quote ' is not closed\n"
                    "  hint: a quoted text ends on the line where it begins\n"},
        {"tcp\r\n80 nobody no", "--exec:1:16: error: 'no' is one word too many\n"
                                "  hint: '80' is the socket, and 'nobody' the user\n"},
    };
    for (const Spec& spec : specs) {
        CAPTURE(spec.spec);
        CHECK(load({exec(spec.spec, {"cat"})}) == spec.dump);
    }
}

TEST_CASE("--exec: each has a number, and its command a place") {
    const Loaded loaded =
        load_config(options_for({exec("7001 127.0.0.1:x.", {"cat"}),
                                 exec("7002", {"nosuchprogram", "a b", "it's", "c\nd"})}));
    CHECK(loaded.services.empty());
    REQUIRE(loaded.diagnostics.size() == 2);
    CHECK(loaded.diagnostics[1].full() ==
          "--exec:2:9: error: program 'nosuchprogram' is in no directory of PATH\n"
          "7002 -- nosuchprogram 'a b' 'it'\\''s' 'c d'\n"
          "        ^");
}

TEST_CASE("--exec: the command") {
    if (geteuid() != 0) return;
    CHECK(load({exec("7", {"sh", "-c", "echo\n'x'", ""})}) ==
          "7/tcp stream 0.0.0.0:7 [::]:7 nowait root:0 /bin/sh [sh] [-c] [echo\n'x'] []\n");
    CHECK(load({exec("7", {"/usr/bin/env", "A=1", "-"})}) ==
          "7/tcp stream 0.0.0.0:7 [::]:7 nowait root:0 /usr/bin/env [/usr/bin/env] [A=1] [-]\n");
    CHECK(load({exec("7000", {"/nonexistent/x"})}) ==
          "--exec:1:9: error: program '/nonexistent/x': No such file or directory\n");
}

TEST_CASE("--exec: built-in services") {
    CHECK(load({exec("7", {"internal"}), exec("udp 127.0.0.1:7000", {"internal", "echo"})}) ==
          "7/tcp stream 0.0.0.0:7 [::]:7 nowait root:0 <echo>\n"
          "7000/udp dgram 127.0.0.1:7000 nowait root:0 <echo>\n");
    CHECK(load({exec("7000", {"internal"})}).starts_with("--exec:1:1: error: no built-in service"));
}

TEST_CASE("--exec: beside a file, and with settings") {
    LoadOptions options = options_for({exec("7", {"internal"}), exec("7", {"internal"})});
    options.settings = "s";
    const Loaded loaded = load_config_text("9 stream tcp nowait root internal\n", "t", options,
                                           "services = ( { name = \"7\"; instances = 5; } );");
    CHECK(dump(loaded) == "7/tcp stream 0.0.0.0:7 [::]:7 nowait root:0 <echo> instances=5\n"
                          "9/tcp stream 0.0.0.0:9 [::]:9 nowait root:0 <discard>\n"
                          "--exec:2:1: error: 7/tcp at 0.0.0.0:7 is a duplicate of --exec:1\n");
}

TEST_CASE("--exec: an error in a spec excuses the settings of its service") {
    LoadOptions options = options_for({exec("7000 nowiat extra", {"internal"})});
    options.settings = "s";
    const Loaded loaded = load_config_text("9 stream tcp nowait root internal\n", "t", options,
                                           "services = ( { name = \"7000\"; instances = 5; } );");
    CHECK(loaded.diagnostics.size() == 1);
}
