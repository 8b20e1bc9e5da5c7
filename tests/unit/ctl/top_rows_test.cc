#include "ctl/top_rows.h"

#include <doctest/doctest.h>

using namespace inetd;
using namespace inetd::ctl;

static TopSample::Service service(const char* name, std::uint64_t accepted,
                                  std::vector<pid_t> pids = {}) {
    TopSample::Service service;
    service.name = name;
    service.address = "127.0.0.1:1";
    service.state = "listening";
    service.running = pids.size();
    service.accepted = accepted;
    service.pids = std::move(pids);
    return service;
}

TEST_CASE("top: rates lie between two samples") {
    TopSample before{.at = 10, .services = {service("a", 5, {7}), service("b", 9)}, .usage = {}};
    before.usage[7] = {.cpu = 1.5, .memory = 100};
    TopSample now{.at = 12,
                  .services = {service("a", 8, {7, 8}), service("b", 1), service("new", 4)},
                  .usage = {}};
    now.services[0].refused = 1;
    now.usage[7] = {.cpu = 2.0, .memory = 200};
    now.usage[8] = {.cpu = 0.25, .memory = 50}; // has begun in between
    const auto rows = top_rows(&before, now);
    REQUIRE(rows.size() == 3);
    CHECK(rows[0].accepting == 1.5);
    CHECK(rows[0].refusing == 0.5);
    CHECK(rows[0].cpu == 37.5);
    CHECK(rows[0].memory == 250);
    CHECK_FALSE(rows[1].accepting); // counts anew
    CHECK_FALSE(rows[1].cpu);
    CHECK_FALSE(rows[2].accepting);
    const auto first = top_rows(nullptr, now);
    CHECK_FALSE(first[0].accepting);
    CHECK_FALSE(first[0].cpu);
    CHECK(first[0].memory == 250);
}

TEST_CASE("top: a pid that came back is another process") {
    TopSample before{.at = 1, .services = {service("a", 0, {7})}, .usage = {}};
    before.usage[7] = {.cpu = 100, .memory = 1};
    TopSample now{.at = 2, .services = {service("a", 0, {7, 9})}, .usage = {}};
    now.usage[7] = {.cpu = 0.5, .memory = 1};
    CHECK(top_rows(&before, now)[0].cpu == 50); // and the other has gone already
}

static std::string order_of(TopOrder order) {
    std::vector<TopRow> rows = top_rows(
        nullptr,
        {.at = 0, .services = {service("b", 2), service("a", 2), service("c", 3)}, .usage = {}});
    sort_top(rows, order);
    std::string names;
    for (const TopRow& row : rows)
        names += row.service.name;
    return names;
}

TEST_CASE("top: sorted by a column, equal ones as the daemon has them") {
    CHECK(order_of({TopColumn::accepted, false}) == "cba");
    CHECK(order_of({TopColumn::accepted, true}) == "bac");
    CHECK(order_of({TopColumn::service, false}) == "abc");
    CHECK(order_of({TopColumn::service, true}) == "cba");
    CHECK(order_of({TopColumn::accepting, false}) == "bac"); // not known of any
}

TEST_CASE("top: the less important columns go first") {
    auto rows = top_rows(nullptr, {.at = 0, .services = {service("echo/tcp", 1)}, .usage = {}});
    const auto titles = [&](std::size_t width) {
        const std::string text = top_text(rows, {}, 0, 9, {.width = width}, 0);
        return text.substr(0, text.find('\n'));
    };
    CHECK(titles(0).find("ADDRESS") != std::string::npos);
    CHECK(titles(90).find("ADDRESS") == std::string::npos);
    CHECK(titles(18) == "SERVICE    ACC/S↓");
    CHECK(titles(3) == "SERVI…");
    CHECK(top_text({}, {}, 0, 9, {}, 0).empty());
    CHECK(top_text(rows, {}, 100, 9, {}, 0).find("echo/tcp") != std::string::npos);
}

TEST_CASE("top: what a reply says") {
    const Json reply = Json::parse(R"([{"name": "x\u001b", "protocol": "tcp", "addresses":
        ["127.0.0.1:1", "[::1]:1"], "state": "listening", "reason": null, "running": 1, "limit": 2,
        "accepted": 3, "refused": 4, "last_use": null, "pids": [5, 6]}])");
    const auto services = top_services(reply);
    REQUIRE(services.size() == 1);
    CHECK(services[0].name == "x?/tcp");
    CHECK(services[0].address == "127.0.0.1:1 [::1]:1");
    CHECK(services[0].pids == std::vector<pid_t>{5, 6});
    CHECK_FALSE(services[0].last_use);
}
