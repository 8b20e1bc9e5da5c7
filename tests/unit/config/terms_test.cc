#include "config/load.h"
#include "config/terms_pool.h"

#include <doctest/doctest.h>
#include <fmt/core.h>
#include <set>
#include <string>

using namespace inetd;

namespace {

LoadOptions with_settings() {
    LoadOptions options;
    options.settings = "cfg";
    options.ipv6 = false;
    return options;
}

// 4001 and on, each with what stands between it and the program.
std::string lines(int count, const std::string& wait = "nowait") {
    std::string text;
    for (int i = 0; i < count; ++i)
        text += fmt::format("{} stream tcp {} root /bin/cat\n", 4001 + i, wait);
    return text;
}

} // namespace

TEST_CASE("services that are alike share their terms, wherever their lines stand") {
    const Loaded loaded =
        load_config_text(lines(3, "nowait/7") + "4100 stream tcp nowait/7 root internal echo\n"
                                                "4101 stream tcp wait/7 root /bin/true\n"
                                                "4102 stream tcp nowait/8 root /bin/cat\n"
                                                "4103 stream tcp6 nowait/7 root /bin/cat\n",
                         "conf", with_settings());
    REQUIRE(loaded.services.size() == 7);
    const ServiceTerms* first = loaded.services.front()->terms.get();
    CHECK(first->limits.instances == 7);
    for (std::size_t i = 1; i < 5; ++i)
        CHECK(loaded.services[i]->terms.get() == first);
    // Another limit, another protocol.
    CHECK(loaded.services[5]->terms.get() != first);
    CHECK(loaded.services[5]->terms->limits.instances == 8);
    CHECK(loaded.services[6]->terms.get() != first);
    CHECK(loaded.services[6]->terms->protocol == "tcp6");
    // The values come from lines all the same.
    CHECK(loaded.services[5]->terms->origins == first->origins);
}

TEST_CASE("whatever a service has of its own gives it terms of its own") {
    for (const char* value : {"instances = 3",
                              "per_source = 3",
                              "rate = \"3/s\"",
                              "overflow = \"refuse\"",
                              "sensor = \"1h\"",
                              "proxy_from = [\"192.0.2.1\"]",
                              "session_timeout = 3",
                              "kill_on_disconnect = true",
                              "backlog = 3",
                              "keepalive = true",
                              "bind_to_device = \"lo\"",
                              "mark = 3",
                              "env = [\"A=b\"]",
                              "umask = \"0077\"",
                              "nice = 3",
                              "rlimits = { nofile = 64; }",
                              "no_new_privileges = true",
                              "only_from = [\"192.0.2.1\"]",
                              "no_access = []",
                              "access_times = [\"8:00-9:00\"]",
                              "max_load = 3.5",
                              "log_on_success = [\"PID\"]",
                              "log_on_failure = []",
                              "banner = \"" INETD_SOURCE_ROOT "/meson.build\""}) {
        INFO(std::string(value));
        const Loaded loaded =
            load_config_text(lines(4), "conf", with_settings(),
                             fmt::format("services = ( {{ name = \"4002\"; {}; }} );\n", value));
        CHECK(loaded.diagnostics.empty());
        REQUIRE(loaded.services.size() == 4);
        CHECK(loaded.services[0]->terms == loaded.services[2]->terms);
        CHECK(loaded.services[0]->terms == loaded.services[3]->terms);
        CHECK(loaded.services[0]->terms != loaded.services[1]->terms);
        CHECK(loaded.services[0]->terms->origins != loaded.services[1]->terms->origins);
    }
}

TEST_CASE("terms that are equal by value are shared where one is found again") {
    Draft draft;
    draft.origins.resize(2);
    TermsPool pool(draft.origins);
    const auto usual = pool.share(draft);
    CHECK(pool.share(draft) == usual);

    // Equal lists that were read twice.
    draft.terms.access.only_from = std::make_shared<std::vector<AccessEntry>>(1);
    const auto listed = pool.share(draft);
    CHECK(listed != usual);
    draft.terms.access.only_from = std::make_shared<std::vector<AccessEntry>>(1);
    CHECK(pool.share(draft) == listed);
    draft.terms.access.only_from = std::make_shared<std::vector<AccessEntry>>();
    CHECK(pool.share(draft) != listed); // nobody
    draft.terms.access.only_from = nullptr;
    CHECK(pool.share(draft) == usual);

    draft.terms.file = "other";
    CHECK(pool.share(draft) != usual);
    draft.terms.file.clear();
    draft.origins[1] = {Origin::Kind::entry, "cfg", 3};
    const auto entry = pool.share(draft);
    CHECK(entry != usual);
    draft.origins[1].line = 4;
    CHECK(pool.share(draft) != entry);
    // Of lines it is said by the service where it stands.
    draft.origins[1] = {Origin::Kind::line, "conf", 5};
    const auto line = pool.share(draft);
    draft.origins[1].line = 6;
    CHECK(pool.share(draft) == line);
}

TEST_CASE("many services with terms of their own keep them apart") {
    Draft draft;
    TermsPool pool(draft.origins);
    std::set<const ServiceTerms*> seen;
    for (std::uint32_t i = 0; i < 1000; ++i) {
        draft.terms.limits.rate = Rate::per_minute(i * 7919 % 1000);
        seen.insert(pool.share(draft).get());
    }
    CHECK(seen.size() == 1000);
    draft.terms.limits.rate = Rate::per_minute(500);
    CHECK(seen.contains(pool.share(draft).get()));
}
