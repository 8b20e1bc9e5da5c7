#include "config/effective.h"

#include "config/load.h"

#include <doctest/doctest.h>
#include <fmt/core.h>
#include <string>

using namespace inetd;

static std::string value_of(const ServiceConfig& service, const char* key) {
    for (const EffectiveValue& one : effective_values(service))
        if (one.key == key) return fmt::format("{} ({})", one.value, one.origin);
    return "none";
}

TEST_CASE("a service knows where each of its values comes from, without a trace") {
    LoadOptions options;
    options.settings = "cfg";
    options.default_backlog = 12;
    options.given = {"backlog"};
    const Loaded loaded =
        load_config_text("4711 stream tcp nowait/7 root /bin/true\n"
                         "4712 stream tcp nowait root internal echo\n"
                         "4713 stream tcp nowait root internal redirect ::1 9\n",
                         "conf", options,
                         "daemon = { idle_timeout = 9; };\n"
                         "defaults = { per_source = 5; };\n"
                         "services = ( { name = \"4711\"; umask = \"0077\";"
                         " access_times = [\"8:00-18:30\", \"22:00-00:00\"]; } );\n");
    REQUIRE(loaded.services.size() == 3);
    CHECK(loaded.drafts.empty());
    const ServiceConfig& first = *loaded.services[0];
    CHECK(value_of(first, "instances") == "7 (line, conf:1)");
    CHECK(value_of(first, "per_source") == "5 (defaults, cfg:2)");
    CHECK(value_of(first, "umask") == "\"0077\" (services, cfg:3)");
    CHECK(value_of(first, "access_times") ==
          "[\"08:00-18:30\", \"22:00-24:00\"] (services, cfg:3)");
    CHECK(value_of(first, "backlog") == "12 (command line)");
    CHECK(value_of(first, "nice") == " (built in)");
    CHECK(value_of(first, "idle_timeout") == "none");
    CHECK(value_of(*loaded.services[1], "idle_timeout") == "\"9s\" (daemon, cfg:1)");
    CHECK(value_of(*loaded.services[2], "redirect") == "\"::1 9\" (line, conf:3)");
    // What is the same for all is there once.
    CHECK(first.terms->origins->base == loaded.services[1]->terms->origins->base);
    CHECK(first.terms->origins->own.size() == 3);
}
