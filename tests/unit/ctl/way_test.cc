#include "ctl/way.h"

#include <doctest/doctest.h>
#include <linux/vm_sockets.h>

using namespace inetd;
using namespace inetd::ctl;

static Json socket_json(const char* address, const char* state = "listening",
                        const char* type = "stream") {
    return {{"address", address},
            {"type", type},
            {"state", state},
            {"reason", nullptr},
            {"server", nullptr}};
}

static Json details(const Json& sockets, const char* protocol = "tcp",
                    const char* builtin = nullptr) {
    return {
        {"service",
         {{"name", "some"}, {"protocol", protocol}, {"state", "listening"}, {"reason", nullptr}}},
        {"wait", false},
        {"builtin", builtin != nullptr ? Json(builtin) : Json()},
        {"sockets", sockets},
        {"behind", Json::array()},
        {"settings", Json::array()}};
}

TEST_CASE("way: addresses are read as they are written") {
    for (const char* text : {"127.0.0.1:13", "[::1]:13", "[fe80::1%lo]:13", "/run/x", "@x",
                             "vsock:2:79", "/run/with a\\\"quote\\x0a"}) {
        CAPTURE(text);
        const auto address = parse_address(text);
        REQUIRE(address);
        CHECK(address->to_string() == text);
    }
    CHECK(parse_address("/run/a\\x62")->unix_file() == "/run/ab");
    for (const char* text : {"", "unnamed", "127.0.0.1", "127.0.0.1:70000", "vsock:x:1", "/a\\"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_address(text));
    }
}

TEST_CASE("way: where the daemon listens everywhere, the loopback is near") {
    const Ways ways =
        ways_to(details(Json::array({socket_json("0.0.0.0:13"), socket_json("[::]:13", "parked"),
                                     socket_json("192.0.2.1:13", "lent")}),
                        "tcp"));
    REQUIRE(ways.open.size() == 3);
    CHECK(ways.open[0].address.to_string() == "127.0.0.1:13");
    CHECK(ways.open[0].listening == "0.0.0.0:13");
    CHECK(ways.open[1].address.to_string() == "[::1]:13");
    CHECK(ways.open[2].address.to_string() == "192.0.2.1:13");
    CHECK(ways.open[2].type == SOCK_STREAM);
    CHECK(ways.trouble.empty());
    const Json vsock = details(Json::array({socket_json("vsock:4294967295:79")}), "vsock");
    CHECK(ways_to(vsock).open[0].address == SocketAddress::vsock(VMADDR_CID_LOCAL, 79));
}

TEST_CASE("way: one address can be chosen, by host, near or whole") {
    const Json two = details(Json::array({socket_json("0.0.0.0:13"), socket_json("[::1]:13")}));
    for (const char* text : {"0.0.0.0", "0.0.0.0:13", "127.0.0.1", "127.0.0.1:13"}) {
        CAPTURE(text);
        REQUIRE(ways_to(two, text).open.size() == 1);
        CHECK(ways_to(two, text).open[0].listening == "0.0.0.0:13");
    }
    CHECK(ways_to(two, "::1").open[0].listening == "[::1]:13");
    CHECK(ways_to(two, "192.0.2.9").open.empty());
    CHECK(ways_to(two, "192.0.2.9").trouble[0] == "it does not listen on 192.0.2.9");
}

TEST_CASE("way: kinds of sockets") {
    const auto only = [](const char* type, const char* protocol) {
        return ways_to(
            details(Json::array({socket_json("127.0.0.1:13", "listening", type)}), protocol));
    };
    CHECK(only("stream", "tcp46").open[0].protocol == 0);
    CHECK(only("stream", "sctp").open[0].protocol == IPPROTO_SCTP);
    CHECK(only("stream", "mptcp").open[0].protocol == IPPROTO_MPTCP);
    CHECK(only("dgram", "udplite4").open[0].protocol == IPPROTO_UDPLITE);
    CHECK_FALSE(only("dgram", "udp").open[0].has_connections());
    CHECK(only("raw", "icmp").open.empty());
    CHECK(only("raw", "icmp").trouble[0] == "127.0.0.1:13: this kind of socket cannot be tried");
}

TEST_CASE("way: what is closed says how it is opened") {
    const auto closed = [](const char* state, const char* reason = nullptr) {
        Json socket = socket_json("127.0.0.1:13", state);
        if (reason != nullptr) socket["reason"] = reason;
        return ways_to(details(Json::array({socket})));
    };
    CHECK(closed("paused").remedy == "'inetctl resume some/tcp' lets it go on");
    CHECK(closed("disabled").remedy == "'inetctl enable some/tcp' opens it again");
    const Ways taken = closed("failed", "bind 127.0.0.1:13: Address already in use");
    CHECK(taken.open.empty());
    CHECK(taken.trouble[0] == "127.0.0.1:13: failed: bind 127.0.0.1:13: Address already in use");
    CHECK(taken.remedy.find("another program has 127.0.0.1:13") == 0);
    CHECK(closed("failed", "bind 127.0.0.1:13: Cannot assign requested address").remedy ==
          "inetd listens there as soon as this machine has the address");
}

TEST_CASE("way: behind tcpmux") {
    Json muxed = details(Json::array());
    muxed["service"]["name"] = "tcpmux/cat";
    muxed["service"]["state"] = "muxed";
    CHECK(ways_to(muxed).trouble[0] == "it is behind tcpmux, and no tcpmux is listening");
    muxed["behind"] = {"127.0.0.1:1"};
    CHECK(ways_to(muxed).open[0].address.to_string() == "127.0.0.1:1");
    CHECK(opening_of(muxed).prefix == "cat\r\n");
}

TEST_CASE("way: what a client begins with") {
    const Json stream = Json::array({socket_json("127.0.0.1:13")});
    const Json datagram = Json::array({socket_json("127.0.0.1:13", "listening", "dgram")});
    CHECK(opening_of(details(stream, "tcp", "echo")).mirrored);
    CHECK_FALSE(opening_of(details(stream, "tcp", "echo")).probe.empty());
    CHECK(opening_of(details(stream, "tcp", "discard")).swallowed);
    CHECK(opening_of(details(stream, "tcp", "daytime")).probe.empty());
    CHECK(opening_of(details(datagram, "udp", "daytime")).probe == "\r\n");
    CHECK(opening_of(details(stream)).probe.empty());
    CHECK(opening_of(details(stream)).prefix.empty());
    CHECK(opening_of(details(stream, "tcp", "auth")).probe == "1, 1\r\n");
    CHECK(opening_of(details(stream, "tcp", "tcpmux")).probe == "help\r\n");
    CHECK(opening_of(details(stream, "tcp", "metrics")).probe.starts_with("GET /metrics HTTP/1.1"));
}

TEST_CASE("way: connections of proxy_protocol have a header, tcpmux' by its own line") {
    const auto proxied = [](Json of) {
        of["settings"] = Json::array({{{"key", "proxy_protocol"}, {"value", "true"}}});
        return of;
    };
    const auto at = [](const char* type) {
        return Json::array({socket_json("127.0.0.1:13", "listening", type)});
    };
    CHECK(ways_to(details(at("stream"))).open[0].header.empty());
    CHECK(ways_to(proxied(details(at("stream")))).open[0].header == "PROXY UNKNOWN\r\n");
    CHECK(ways_to(proxied(details(at("dgram"), "udp"))).open[0].header.empty());
    Json muxed = proxied(details(Json::array()));
    muxed["service"]["name"] = "tcpmux/cat";
    muxed["service"]["state"] = "muxed";
    muxed["behind"] = {"127.0.0.1:1"};
    CHECK(ways_to(muxed).open[0].header.empty());
    CHECK(opening_of(muxed).prefix == "cat\r\n");
}
