#include "ctl/export_systemd.h"

#include "ctl/unit_command.h"

#include <doctest/doctest.h>

using namespace inetd::ctl;
using nlohmann::json;

static json service(const std::string& more = "{}") {
    json made = json::parse(R"({
        "name": "7000", "protocol": "tcp", "type": "stream", "wait": false, "enabled": true,
        "file": "c", "line": 3, "user": "nobody", "group": "nogroup", "builtin": null,
        "program": {"path": "/bin/cat", "arguments": ["cat", "-n"]},
        "listen": [{"family": "ipv4", "address": "0.0.0.0", "port": 7000},
                   {"family": "ipv6", "address": "::", "port": 7000}],
        "settings": {}, "origins": {}})");
    made.update(json::parse(more));
    return made;
}

static Exported exported(const json& one) {
    return export_systemd({{"version", 1}, {"services", json::array({one})}});
}

static Exported with(const std::string& settings, const std::string& more = "{}") {
    json one = service(more);
    one["settings"] = json::parse(settings);
    for (const auto& item : one["settings"].items())
        one["origins"][item.key()] = {{"from", "services"}};
    return exported(one);
}

static bool has(const Exported& all, std::size_t unit, const std::string& line) {
    return all.units.at(unit).text.find("\n" + line + "\n") != std::string::npos;
}

TEST_CASE("a line becomes a socket and a service") {
    const Exported all = exported(service());
    REQUIRE(all.units.size() == 2);
    CHECK(all.units[0].name == "inetd-7000.socket");
    CHECK(all.units[1].name == "inetd-7000@.service");
    for (const char* line : {"ListenStream=0.0.0.0:7000", "ListenStream=[::]:7000",
                             "BindIPv6Only=ipv6-only", "Accept=yes", "WantedBy=sockets.target"})
        CHECK_MESSAGE(has(all, 0, line), line);
    for (const char* line :
         {"ExecStart=-@/bin/cat cat -n", "User=nobody", "Group=nogroup", "StandardInput=socket"})
        CHECK_MESSAGE(has(all, 1, line), line);
    CHECK(all.notices.empty());
}

TEST_CASE("a service that waits has one socket for both families") {
    const Exported all = exported(service(R"({"wait": true})"));
    REQUIRE(all.units.size() == 2);
    CHECK(all.units[1].name == "inetd-7000.service");
    CHECK(has(all, 0, "ListenStream=7000"));
    CHECK(has(all, 0, "BindIPv6Only=both"));
    CHECK(has(all, 0, "Accept=no"));
    CHECK(has(all, 1, "ExecStart=@/bin/cat cat -n"));
    const Exported two = exported(service(R"({"wait": true, "listen": [
        {"family": "ipv4", "address": "127.0.0.1", "port": 1}, {"family": "ipv6", "address": "fe80::1%eth0", "port": 1}]})"));
    REQUIRE(two.units.size() == 4);
    CHECK(two.units[0].name != two.units[2].name);
    CHECK(has(two, 2, "ListenStream=[fe80::1]:1%eth0"));
}

TEST_CASE("settings become lines of units") {
    struct {
        const char* settings;
        std::size_t unit;
        const char* line;
    } const cases[] = {
        {R"({"instances": 9})", 0, "MaxConnections=9"},
        {R"({"instances": 0})", 0, "MaxConnections=1000000000"},
        {R"({"per_source": 2})", 0, "MaxConnectionsPerSource=2"},
        {R"({"rate": "300/min burst 10"})", 0, "PollLimitIntervalSec=1min"},
        {R"({"rate": "300/min burst 10"})", 0, "PollLimitBurst=300"},
        {R"({"only_from": ["192.0.2.0/24"]})", 0, "IPAddressAllow=192.0.2.0/24"},
        {R"({"only_from": ["192.0.2.0/24"]})", 0, "IPAddressDeny=any"},
        {R"({"no_access": ["192.0.2.1"]})", 0, "IPAddressDeny=192.0.2.1"},
        {R"({"keepalive": true})", 0, "KeepAlive=yes"},
        {R"({"backlog": 5})", 0, "Backlog=5"},
        {R"({"bind_to_device": "eth0"})", 0, "BindToDevice=eth0"},
        {R"({"socket_mode": "0660"})", 0, "SocketMode=0660"},
        {R"({"stderr": "/var/log/100%"})", 1, "StandardError=append:/var/log/100%%"},
        {R"({"env": ["A=b c", "D=$e"]})", 1, "Environment=\"A=b c\" D=$$e"},
        {R"({"umask": "0077"})", 1, "UMask=0077"},
        {R"({"nice": -3})", 1, "Nice=-3"},
        {R"({"ionice": "best-effort:7"})", 1, "IOSchedulingPriority=7"},
        {R"({"rlimits": {"as": "8m", "nofile": "64:unlimited"}})", 1, "LimitNOFILE=64:infinity"},
        {R"({"rlimits": {"as": "8m"}})", 1, "LimitAS=8M"},
        {R"({"capabilities": ["cap_net_raw"]})", 1, "AmbientCapabilities=CAP_NET_RAW"},
        {R"({"capabilities": []})", 1, "CapabilityBoundingSet="},
        {R"({"cgroup": {"memory_max": "64m", "cpu_max": "50%"}})", 1, "CPUQuota=50%"},
        {R"({"session_timeout": "2h"})", 1, "RuntimeMaxSec=2h"},
    };
    for (const auto& [settings, unit, line] : cases) {
        CAPTURE(settings);
        const Exported all = with(settings);
        CAPTURE(all.units.at(unit).text);
        CHECK(has(all, unit, line));
    }
}

TEST_CASE("what systemd lacks is said") {
    struct {
        const char* more;
        const char* text;
        std::size_t units;
    } const cases[] = {
        {R"({"builtin": "echo", "program": null})", "the built-in service echo", 0},
        {R"({"type": "dgram"})", "no counterpart: a server for each sender", 0},
        {R"({"listen": []})", "no counterpart: tcpmux", 0},
        {R"({"type": "raw"})", "no counterpart: raw sockets", 0},
        {R"({"enabled": false})", "is switched off", 2},
    };
    for (const auto& [more, text, units] : cases) {
        CAPTURE(more);
        const Exported all = exported(service(more));
        CHECK(all.units.size() == units);
        REQUIRE(all.notices.size() == 1);
        CHECK(all.notices.front().find(text) != std::string::npos);
        CHECK(all.notices.front().starts_with("c:3: 7000/tcp: "));
    }
    const Exported all = with(R"({"sensor": "1h", "only_from": [".example.org"]})");
    REQUIRE(all.notices.size() == 2);
    CHECK(all.notices[0].ends_with("only_from: .example.org: networks only"));
    CHECK(all.notices[1].ends_with("no counterpart: sensor = \"1h\""));
    CHECK(all.units[0].text.find("# no counterpart: sensor") != std::string::npos);
}

TEST_CASE("a relay becomes systemd-socket-proxyd") {
    const Exported all =
        with(R"({"redirect": "2001:db8::1 80"})", R"({"builtin": "redirect", "program": null})");
    REQUIRE(all.units.size() == 2);
    CHECK(has(all, 0, "Accept=no"));
    CHECK(all.units[1].text.find("systemd-socket-proxyd \"[2001:db8::1]:80\"\n") !=
          std::string::npos);
}

TEST_CASE("systemd reads a word as it was meant") {
    for (const char* word : {"a", "", "a b", "\"", "'", "\\", "a;b", ";", "{}", "#", "\x01\t",
                             "~*?", "-", "\xc3\xa4"}) {
        CAPTURE(word);
        const auto words = unit_words(unit_word(word));
        REQUIRE(words);
        CHECK(*words == std::vector<std::string>{word});
    }
    CHECK(unit_word("$A%i") == "$$A%%i");
}
