#include "ctl/import_xinetd.h"

#include "ctl/imported_text.h"
#include "ctl/xinetd_address.h"

#include <doctest/doctest.h>

using namespace inetd::ctl;
using Words = std::vector<std::string>;

static Imported import(const std::string& text, bool tcp_wrappers = false) {
    XinetdFiles files;
    parse_xinetd(text, "x", files);
    return import_xinetd(files, tcp_wrappers);
}

// The only service of a text.
static ImportedService one(const std::string& attributes, const std::string& before = {},
                           bool tcp_wrappers = false) {
    Imported all = import(before + "service thing\n{\n" + attributes + "\n}\n", tcp_wrappers);
    REQUIRE(all.services.size() == 1);
    return all.services.front();
}

static const std::string kBasic = R"(
    type = UNLISTED
    socket_type = stream
    port = 7000
    wait = no
    user = nobody
    server = /bin/cat
)";

static std::string setting(const ImportedService& service, const std::string& key) {
    for (const auto& [name, value] : service.settings)
        if (name == key) return value;
    return {};
}

static std::string line(const ImportedService& service) {
    Imported all;
    all.services = {service};
    all.services.front().notices.clear();
    const std::string text = conf_text(all);
    return text.substr(text.find('\n', 1) + 1, text.size() - text.find('\n', 1) - 2);
}

static std::string said(const ImportedService& service) {
    std::string out;
    for (const Notice& notice : service.notices)
        out += notice.full({}) + "\n";
    return out;
}

TEST_CASE("the columns of an xinetd service") {
    struct {
        const char* attributes;
        const char* line;
    } const cases[] = {
        {"", "7000 stream tcp nowait nobody /bin/cat"},
        {"group = daemon", "7000 stream tcp nowait nobody:daemon /bin/cat"},
        {"server_args = -a 'b c' #d \\e",
         R"(7000 stream tcp nowait nobody /bin/cat cat -a ''\''b' 'c'\''' '#d' '\e')"},
        {"flags = NAMEINARGS\nserver_args = in.x -l",
         "7000 stream tcp nowait nobody /bin/cat in.x -l"},
        {"bind = 192.0.2.1", "192.0.2.1:7000 stream tcp4 nowait nobody /bin/cat"},
        {"interface = 2001:db8::1", "[2001:db8::1]:7000 stream tcp6 nowait nobody /bin/cat"},
        {"bind = 0.0.0.0", "7000 stream tcp4 nowait nobody /bin/cat"},
        {"bind = ::", "7000 stream tcp nowait nobody /bin/cat"},
        {"bind = localhost", "localhost:7000 stream tcp nowait nobody /bin/cat"},
        {"flags = IPv4", "7000 stream tcp4 nowait nobody /bin/cat"},
        {"flags = IPv6", "7000 stream tcp nowait nobody /bin/cat"},
        {"v6only = yes", "7000 stream tcp6 nowait nobody /bin/cat"},
        {"redirect = db.example.org 5432",
         "7000 stream tcp nowait nobody internal redirect db.example.org 5432"},
        {"redirect = 2001:db8::2 5432",
         "7000 stream tcp nowait nobody internal redirect [2001:db8::2]:5432"},
        {"flags = SENSOR", "7000 stream tcp nowait nobody internal discard"},
    };
    for (const auto& [attributes, wanted] : cases) {
        CAPTURE(attributes);
        CHECK(line(one(kBasic + attributes)) == wanted);
    }
}

TEST_CASE("an xinetd service that waits has one socket") {
    const std::string waits =
        "socket_type = dgram\nport = 7000\ntype = UNLISTED\nwait = yes\nuser = "
        "1000\nserver = /bin/x\n";
    CHECK(line(one(waits)) == "7000 dgram udp46 wait 1000:1000 /bin/x");
    CHECK(line(one(waits + "flags = IPv4")) == "7000 dgram udp4 wait 1000:1000 /bin/x");
    CHECK(setting(one(waits + "instances = 5"), "overflow").empty());
}

TEST_CASE("built-in services of xinetd") {
    const std::string internal = "type = INTERNAL\nsocket_type = stream\nwait = no\n";
    const auto text = [&](const std::string& name, const std::string& more) {
        const Imported all = import("service " + name + "\n{\n" + internal + more + "\n}\n");
        return line(all.services.front());
    };
    CHECK(text("daytime", "") == "daytime stream tcp nowait root internal");
    CHECK(text("echo", "port = 7000") == "7000 stream tcp nowait root internal echo");
    CHECK(text("tcpmux-server", "port = 1") == "tcpmux stream tcp nowait root internal");
    const Imported gone = import("service servers\n{\nport = 9099\n" + internal + "}\n");
    CHECK(gone.services.front().left_out.find("inetctl list") != std::string::npos);
    CHECK(cfg_text(gone).empty());
}

TEST_CASE("tcpmux services of xinetd keep their names") {
    const std::string rest = "socket_type = stream\nprotocol = tcp\nwait = no\nuser = nobody\n"
                             "server = /bin/date\nper_source = 2\n";
    CHECK(line(one("type = TCPMUX UNLISTED\n" + rest)) ==
          "tcpmux/thing stream tcp nowait nobody /bin/date");
    Imported all;
    all.services = {one("type = TCPMUXPLUS UNLISTED\n" + rest)};
    CHECK(line(all.services.front()) == "tcpmux/+thing stream tcp nowait nobody /bin/date");
    CHECK(cfg_text(all).find("name = \"tcpmux/thing\"") != std::string::npos);
}

TEST_CASE("limits and lists of xinetd become settings") {
    struct {
        const char* attributes;
        const char* key;
        const char* value;
    } const cases[] = {
        {"instances = 30", "instances", "30"},
        {"instances = 30", "overflow", "\"refuse\""},
        {"instances = UNLIMITED", "instances", "0"},
        {"per_source = 4", "per_source", "4"},
        {"cps = 25 30", "rate", "\"25/s\""},
        {"max_load = 4", "max_load", "4.0"},
        {"max_load = .5", "max_load", "0.5"},
        {"only_from = 192.0.2.0 10.0.0.0/8", "only_from", "[\"192.0.2.0/24\", \"10.0.0.0/8\"]"},
        {"no_access = 192.0.2.{3,4}", "no_access", "[\"192.0.2.3\", \"192.0.2.4\"]"},
        {"access_times = 8:00-12:00 13:00-18:00", "access_times",
         "[\"8:00-12:00\", \"13:00-18:00\"]"},
        {"banner = /etc/b\nbanner_fail = /etc/f", "banner_fail", "\"/etc/f\""},
        {"log_on_success = PID HOST\nlog_on_success += EXIT", "log_on_success",
         "[\"PID\", \"HOST\", \"EXIT\"]"},
        {"flags = KEEPALIVE NODELAY", "nodelay", "true"},
        {"nice = -5", "nice", "-5"},
        {"umask = 27", "umask", "\"0027\""},
        {"groups = no", "groups", "()"},
        {"groups = yes", "groups", ""},
        {"env = A=b\nenv += C=d\"e", "env", R"(["A=b", "C=d\"e"])"},
        {"passenv = TZ PATH", "pass_env", "[\"TZ\", \"PATH\"]"},
        {"rlimit_as = 8M\nrlimit_cpu = 20\nrlimit_files = UNLIMITED", "rlimits",
         "{ as = \"8m\"; cpu = 20; nofile = \"unlimited\"; }"},
        {"only_from =", "only_from", "[]"},
        {"libwrap = other", "libwrap", "true"},
        {"flags = SENSOR\ndeny_time = 60", "sensor", "\"60min\""},
        {"flags = SENSOR\ndeny_time = FOREVER", "sensor", "\"365day\""},
    };
    for (const auto& [attributes, key, value] : cases) {
        CAPTURE(attributes);
        const ImportedService service = one(kBasic + attributes);
        CHECK(setting(service, key) == value);
        CHECK(said(service).find("error") == std::string::npos);
    }
}

TEST_CASE("the defaults of xinetd are part of each service") {
    const std::string defaults = "defaults\n{\ninstances = 9\nonly_from = 10.0.0.0\nonly_from = "
                                 "192.0.2.7\nlog_on_success = HOST\nbanner = /b\n}\n";
    const ImportedService service =
        one(kBasic + "instances = 3\nonly_from -= 10.0.0.0\nlog_on_success += PID", defaults);
    CHECK(setting(service, "instances") == "3");
    CHECK(setting(service, "only_from") == "[\"192.0.2.7\"]");
    CHECK(setting(service, "log_on_success") == "[\"HOST\", \"PID\"]");
    CHECK(setting(service, "banner") == "\"/b\"");
    CHECK(setting(one(kBasic + "only_from = ::1", defaults), "only_from") == "[\"::1\"]");
}

TEST_CASE("who is switched off in xinetd stays so") {
    CHECK(one(kBasic).enabled);
    CHECK_FALSE(one(kBasic + "disable = yes").enabled);
    CHECK_FALSE(one(kBasic, "defaults\n{\ndisabled = other thing\n}\n").enabled);
    CHECK_FALSE(one(kBasic, "defaults\n{\nenabled = other\n}\n").enabled);
    CHECK(one(kBasic + "id = other", "defaults\n{\nenabled = other\n}\n").enabled);
    CHECK_FALSE(one(kBasic + "instances = 0").enabled); // which is no limit here
    CHECK_FALSE(one(kBasic + "no_access = 1.2.3.4 1.2.3.x,").enabled);
}

TEST_CASE("hosts_access(5) is asked in the name that xinetd uses") {
    CHECK(setting(one(kBasic, {}, true), "libwrap") == "true");
    CHECK(said(one(kBasic, {}, true)).empty());
    CHECK(said(one(kBasic + "flags = NAMEINARGS\nserver_args = in.x", {}, true)).empty());
    CHECK(said(one(kBasic + "libwrap = cat", {}, true)).empty());
    CHECK(said(one(kBasic + "libwrap = other")).find("is asked for cat, and not for other") !=
          std::string::npos);
    CHECK(said(one(kBasic + "redirect = a 1", {}, true)).find("for 7000, and not for thing") !=
          std::string::npos);
    CHECK(setting(one(kBasic + "flags = NOLIBWRAP", {}, true), "libwrap").empty());
    CHECK(setting(one(kBasic), "libwrap").empty());
}

TEST_CASE("who was kept out of an xinetd service does not come in") {
    const std::string lent = "port = 7000\ntype = UNLISTED\nwait = yes\nuser = nobody\n"
                             "server = /bin/x\nsocket_type = ";
    const std::string waits = lent + "stream\n";
    const std::string datagrams = lent + "dgram\n";
    const std::string echo = "socket_type = dgram\nwait = yes\ntype = INTERNAL\n";
    CHECK(one(waits).enabled);
    for (const char* rule : {"only_from = 10.0.0.0", "no_access = 10.0.0.1",
                             "access_times = 8:00-9:00", "libwrap = x"}) {
        CAPTURE(rule);
        const ImportedService service = one(waits + rule);
        CHECK_FALSE(service.enabled);
        CHECK(service.settings.size() == 1); // its groups
        CHECK(said(service).find("no counterpart: the server of a 'wait' service") !=
              std::string::npos);
    }
    CHECK(one(waits + "max_load = 5").enabled);
    CHECK(setting(one(waits + "max_load = 5"), "max_load").empty());
    // The sender of the first datagram is judged, there as here.
    CHECK(setting(one(datagrams + "only_from = 10.0.0.0"), "only_from") == "[\"10.0.0.0/8\"]");
    CHECK(setting(one(datagrams + "no_access = 10.0.0.1"), "no_access") == "[\"10.0.0.1\"]");
    CHECK(setting(one(datagrams + "access_times = 8:00-9:00"), "access_times") ==
          "[\"8:00-9:00\"]");
    CHECK(setting(one(datagrams + "max_load = 5"), "max_load") == "5.0");
    CHECK(one(datagrams + "only_from = 10.0.0.0\nmax_load = 5").enabled);
    for (const char* rule : {"no_access = .example.org", "libwrap = x"})
        CHECK_FALSE(one(datagrams + rule).enabled);
    const auto built_in = [&](const std::string& rule) {
        return import("service echo\n{\n" + echo + rule + "\n}\n").services.front();
    };
    CHECK(built_in("only_from = 10.0.0.0").enabled);
    CHECK(setting(built_in("only_from = 10.0.0.0"), "only_from") == "[\"10.0.0.0/8\"]");
    CHECK_FALSE(built_in("no_access = .example.org").enabled);
    CHECK_FALSE(built_in("libwrap = x").enabled);
}

TEST_CASE("where xinetd logs to") {
    struct {
        const char* value;
        const char* settings;
        const char* text;
    } const cases[] = {
        {"FILE /l", "log_target=\"/l\" ", ""},
        {"FILE /l 5 6", "log_target=\"/l\" ", "no limits of size"},
        {"SYSLOG local0", "log_target=\"syslog\" log_facility=\"local0\" ", ""},
        {"SYSLOG local0 info", "log_target=\"syslog\" log_facility=\"local0\" ", ""},
        {"SYSLOG daemon err", "log_target=\"syslog\" log_facility=\"daemon\" ",
         "a level of its own"},
        {"SYSLOG nosuch", "", "neither 'FILE name' nor 'SYSLOG facility'"},
    };
    for (const auto& [value, settings, text] : cases) {
        CAPTURE(value);
        const Imported all = import(std::string("defaults\n{\nlog_type = ") + value + "\n}\n");
        std::string out;
        for (const auto& [name, set] : all.daemon)
            out += name + "=" + set + " ";
        CHECK(out == settings);
        REQUIRE(all.notices.size() == (*text == '\0' ? 0 : 1));
        if (!all.notices.empty()) CHECK(all.notices[0].full({}).find(text) != std::string::npos);
    }
}

TEST_CASE("what xinetd has and inetd has not is said with its place") {
    struct {
        const char* attributes;
        const char* text;
    } const cases[] = {
        {"flags = IDONLY", "x:10: flags: no counterpart: IDONLY"},
        {"flags = INTERCEPT", "x:10: flags: no counterpart: INTERCEPT"},
        {"flags = LABELED", "x:10: flags: no counterpart: LABELED"},
        {"mdns = yes", "x:10: mdns: no counterpart"},
        {"log_type = FILE /l 5 6", "x:10: log_type: no counterpart"},
        {"cps = 5 10", "x:10: cps: approximated"},
        {"id = other", "x:10: id: no counterpart: it is called 7000/tcp now"},
        {"flags = NOSUCH", "x:10: flags: error: no such flag: NOSUCH"},
        {"nosuch = 1", "x:10: nosuch: error: ignored: xinetd does not know this attribute"},
        {"wait = yes", "x:10: wait: error: ignored: said before, and xinetd takes the first"},
        {"nice = +5", "x:10: nice: error: not from -20 to 19"},
        {"only_from = a,b", "x:10: only_from: error: no address: a,b"},
        {"env = REMOTE_ADDR=1", "x:10: env: no counterpart: REMOTE_ADDR"},
        {"instances += 5", "x:10: instances: error: ignored: cannot be used with '+='"},
        {"cps = 5", "x:10: cps: error: ignored: takes 2 values"},
        {"rlimit_as = x", "x:10: rlimit_as: error: no number: x"},
    };
    for (const auto& [attributes, text] : cases) {
        CAPTURE(attributes);
        const std::string all = said(one(kBasic + attributes));
        CAPTURE(all);
        CHECK(all.find(text) != std::string::npos);
    }
}

TEST_CASE("SunRPC and what is not complete is left out") {
    for (const char* attributes :
         {"type = RPC\nsocket_type = dgram\nprotocol = udp\nwait = yes\nuser = root\nserver = /x",
          "port = 7000\nwait = no\nuser = root\nserver = /x", "socket_type = stream\nuser = root",
          "socket_type = stream\nwait = no\nport = 7000\nserver = /x",
          "socket_type = stream\nwait = no\nport = 7000\nuser = root",
          "socket_type = stream\nwait = no\nport = 77777\nuser = root\nserver = /x",
          "socket_type = stream\nwait = no\nuser = root\nserver = /x"}) {
        CAPTURE(attributes);
        const ImportedService service = one(attributes);
        CHECK_FALSE(service.left_out.empty());
        CHECK_FALSE(service.notices.empty());
        Imported all;
        all.services = {service};
        CHECK(conf_text(all).find("\nthing ") == std::string::npos);
        CHECK(cfg_text(all).empty());
    }
}

TEST_CASE("text that is no xinetd.conf is told of by line") {
    const Imported all = import("service a\nserver = /x\n}\nnonsense\n{\n}\nservice b\n{\nwhat\n}\n"
                                "service c {\n" +
                                kBasic + "}\nservice d\n{\n");
    CHECK(all.services.size() == 1);
    CHECK(all.services.front().title == "c");
    std::string text;
    for (const Notice& notice : all.notices)
        text += notice.full({}) + "\n";
    for (const char* wanted : {"x:2: a: error: no '{'", "x:4: error: neither", "x:9: b: error: not",
                               "x:20: d: error: ends without"})
        CHECK_MESSAGE(text.find(wanted) != std::string::npos, text);
}

TEST_CASE("two services on one address: one that is on stays") {
    const std::string body = "{\n" + kBasic;
    const Imported all = import("service a\n" + body + "disable = yes\n}\nservice b\n" + body +
                                "}\nservice c\n" + body + "}\n");
    REQUIRE(all.services.size() == 3);
    CHECK_FALSE(all.services[0].left_out.empty());
    CHECK(all.services[1].left_out.empty());
    CHECK_FALSE(all.services[2].left_out.empty());
}

TEST_CASE("addresses of only_from") {
    struct {
        const char* text;
        Words entries;
    } const cases[] = {
        {"192.0.2.7", {"192.0.2.7"}},
        {"128.138.12.0", {"128.138.12.0/24"}},
        {"10.0.0.0", {"10.0.0.0/8"}},
        {"0.0.0.0", {"0.0.0.0/0"}},
        {"10.0.5.0", {"10.0.5.0/24"}},
        {"128.138.{1,2}", {"128.138.1.0/24", "128.138.2.0/24"}},
        {"192.0.2.{1,2,30}", {"192.0.2.1", "192.0.2.2", "192.0.2.30"}},
        {"10.{1}", {"10.1.0.0/16"}},
        {"192.0.2.0/24", {"192.0.2.0/24"}},
        {"2001:db8::/32", {"2001:db8::/32"}},
        {"2001:db8::1", {"2001:db8::1"}},
        {"::", {"::/0"}},
        {".example.org", {".example.org"}},
        {"host.example.org", {"host.example.org"}},
        {"256.1.1.1", {}},
        {"192.0.2.{1,x}", {}},
        {"192.0.2.1.{1,2}", {}},
        {"192.0.2.{1", {}},
        {"{1,2}", {}},
        {"1.2.3.4/33", {}},
        {"2001:db8::g", {}},
    };
    for (const auto& [text, entries] : cases) {
        CAPTURE(text);
        CHECK(xinetd_address(text).entries == entries);
    }
}
