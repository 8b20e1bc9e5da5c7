#include "server/plan.h"

#include "../own_terms.h"

#include <doctest/doctest.h>

using namespace inetd;
using inetd::test::own_terms;

namespace {

ListenSpec tcp(const char* host, std::uint16_t port, bool dual = false) {
    return {*SocketAddress::parse_ip(host, port), SOCK_STREAM, IPPROTO_TCP, dual};
}

ServiceConfigPtr service(const char* name, std::vector<ListenSpec> listen,
                         std::uint32_t instances = 256) {
    auto config = std::make_shared<ServiceConfig>();
    config->name = name;
    config->listen = std::move(listen);
    own_terms(*config).limits.instances = instances;
    return config;
}

ServiceConfigPtr muxed(const char* name) {
    auto config = std::make_shared<ServiceConfig>();
    config->name = std::string("tcpmux/") + name;
    return config;
}

} // namespace

TEST_CASE("the same configuration changes nothing") {
    const std::vector<ServiceConfigPtr> all{service("a", {tcp("0.0.0.0", 1), tcp("::", 1)}),
                                            service("b", {tcp("0.0.0.0", 2)}), muxed("m")};
    const Plan plan = plan_reload(all, all);
    CHECK(plan.unchanged == 3);
    CHECK(plan.added + plan.removed + plan.updated == 0);
    CHECK(plan.closed.empty());
    CHECK(plan.targets[0].sockets[1] == Plan::Place{0, 1});
    CHECK(plan.targets[2].successor_of == 2);
}

TEST_CASE("services come, go and change") {
    const auto plan =
        plan_reload({service("a", {tcp("0.0.0.0", 1)}), service("b", {tcp("0.0.0.0", 2)})},
                    {service("b", {tcp("0.0.0.0", 2)}, 7), service("c", {tcp("0.0.0.0", 3)})});
    CHECK(plan.added == 1);
    CHECK(plan.removed == 1);
    CHECK(plan.updated == 1);
    CHECK(plan.unchanged == 0);
    CHECK(plan.closed == std::vector<Plan::Place>{{0, 0}});
    CHECK(plan.targets[0].successor_of == 1);
    CHECK_FALSE(plan.targets[1].sockets[0]);
    CHECK_FALSE(plan.targets[1].after_close[0]);
}

TEST_CASE("a socket that overlaps one that goes is opened after it has gone") {
    for (const auto& [before, after] : std::vector<std::pair<ListenSpec, ListenSpec>>{
             {tcp("0.0.0.0", 1), tcp("127.0.0.1", 1)},
             {tcp("127.0.0.1", 1), tcp("0.0.0.0", 1)},
             {tcp("::", 1, true), tcp("0.0.0.0", 1)},
             {tcp("::", 1, true), tcp("::", 1, false)}}) {
        const Plan plan = plan_reload({service("a", {before})}, {service("a", {after})});
        CHECK(plan.targets[0].after_close[0]);
        CHECK(plan.closed.size() == 1);
        CHECK(plan.added == 1);
    }
    const Plan apart =
        plan_reload({service("a", {tcp("127.0.0.2", 1)})}, {service("a", {tcp("127.0.0.1", 1)})});
    CHECK_FALSE(apart.targets[0].after_close[0]);
}

TEST_CASE("a service that is split is succeeded by one only") {
    const Plan plan =
        plan_reload({service("a", {tcp("0.0.0.0", 1), tcp("::", 1)})},
                    {service("four", {tcp("0.0.0.0", 1)}), service("six", {tcp("::", 1)})});
    CHECK(plan.targets[0].successor_of == 0);
    CHECK_FALSE(plan.targets[1].successor_of);
    CHECK(plan.targets[1].sockets[0] == Plan::Place{0, 1});
    CHECK(plan.closed.empty());
}

TEST_CASE("start-up is a reload of nothing") {
    const Plan plan = plan_reload({}, {service("a", {tcp("0.0.0.0", 1)})});
    CHECK(plan.added == 1);
    CHECK_FALSE(plan.targets[0].successor_of);
}
