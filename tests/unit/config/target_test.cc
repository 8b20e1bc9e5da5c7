#include "config/targets.h"

#include <doctest/doctest.h>

using namespace inetd;

static std::string parsed(std::string_view text) {
    const auto target = parse_target(text);
    return target ? target->host + "|" + target->port : "none";
}

TEST_CASE("targets: the forms of a target") {
    CHECK(parsed("db.example.org 5432") == "db.example.org|5432");
    CHECK(parsed("192.0.2.1\t 80") == "192.0.2.1|80");
    CHECK(parsed("192.0.2.1:80") == "192.0.2.1|80");
    CHECK(parsed("web:http") == "web|http");
    CHECK(parsed("[2001:db8::1]:80") == "2001:db8::1|80");
    CHECK(parsed("[2001:db8::1] 80") == "2001:db8::1|80");
    CHECK(parsed("2001:db8::1 80") == "2001:db8::1|80");
    CHECK(parsed("fe80::1%eth0 80") == "fe80::1%eth0|80");
    CHECK(parsed("/run/x sock") == "|/run/x sock");
    CHECK(parsed("@x") == "|@x");
}

TEST_CASE("targets: what is none") {
    for (const char* text :
         {"", " ", "host", "host:", ":80", " 80", "host ", "::1:80", "[::1:80", "::1]:80", "a b c",
          "[]:80", "/", "@", "h/x 80", "host 80:90", "[::1]"})
        CHECK(parsed(text) == "none");
}

TEST_CASE("targets: addresses and ports are looked up") {
    Targets targets;
    const auto& found = targets.find("127.0.0.1 http");
    REQUIRE(found.found());
    REQUIRE(found.value->addresses.size() == 1);
    CHECK(found.value->addresses[0].to_string() == "127.0.0.1:80");
    CHECK(targets.find("127.0.0.1 http").value == found.value);
    CHECK(targets.find("[::1]:7").value->addresses[0].to_string() == "[::1]:7");
    CHECK(targets.find("/run/x").value->addresses[0].to_string() == "/run/x");
    CHECK(targets.find("127.0.0.1 0").problem == "'0' is not a port number");
    CHECK(targets.find("127.0.0.1 70000").problem == "'70000' is not a port number");
    CHECK(targets.find("127.0.0.1 htttp").problem == "unknown service 'htttp' for tcp");
    CHECK(targets.find("10.1 80").problem == "'10.1' is not an address");
    CHECK(
        targets.find("/" + std::string(200, 'x')).problem.ends_with("too long for a unix socket"));
}
