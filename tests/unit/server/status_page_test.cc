#include "server/status_page.h"

#include "../own_terms.h"

#include <chrono>
#include <cstdlib>
#include <doctest/doctest.h>

using namespace inetd;
using inetd::test::own_terms;
using namespace std::chrono_literals;

namespace {
struct Scene {
    About about;
    State state{.at = TimePoint{1000s} + 90min, .services = {}, .servers = {}};
    unsigned refresh = 0;

    Scene() {
        about.started = TimePoint{1000s};
        about.files = {"/etc/inetd.conf"};
    }
    State::Service& add(const char* name, const char* address) {
        auto config = std::make_shared<ServiceConfig>();
        config->name = name;
        own_terms(*config).protocol = "tcp";
        State::Service service{.config = config,
                               .running = 0,
                               .started = 0,
                               .refused = {},
                               .last_use = {},
                               .condition = Condition::listening,
                               .reason = {},
                               .sockets = {},
                               .load = {}};
        if (address != nullptr) service.sockets.push_back({.address = address, .reason = {}});
        state.services.push_back(std::move(service));
        return state.services.back();
    }
    [[nodiscard]] std::string html() const {
        setenv("TZ", "UTC", 1);
        return status_html({about, state, "a<host>", 1'700'000'000, refresh});
    }
    [[nodiscard]] bool has(const std::string& text) const {
        return html().find(text) != std::string::npos;
    }
};
} // namespace

TEST_CASE("status page: what there is to be seen of a service") {
    Scene scene;
    State::Service& service = scene.add("<ftp>", "/run/\"x\"&");
    service.running = 2;
    service.started = 12345;
    service.refused.add(Refusal::rate, 3);
    service.last_use = scene.state.at - 5min;
    service.load.resize(LoadHistory::kSpans);
    service.load.back() = {5, 1};
    CHECK(scene.has("<title>inetd on a&lt;host&gt;: 1 service</title>"));
    CHECK(scene.has("<th scope=\"row\">&lt;ftp&gt;/tcp</th>"));
    CHECK(scene.has("<td class=\"address\">/run/&quot;x&quot;&amp;</td>"));
    CHECK(scene.has("<span class=\"state good\">listening</span>"));
    CHECK(scene.has(">12,345</td>"));
    CHECK(scene.has(">3<small>3 by rate</small></td>"));
    CHECK(scene.has("<td class=\"use\">5\u00A0min ago</td>"));
    CHECK(scene.has("<title>5 accepted, 1 refused in 10 minutes, at most 0.6 a second</title>"));
    CHECK(scene.has("for 1\u00A0h 30\u00A0min, since 2023-11-14 20:43:20 UTC"));
    CHECK(scene.has("As of 2023-11-14 22:13:20 UTC"));
}

TEST_CASE("status page: limits are told, and where they are reached") {
    Scene scene;
    State::Service& service = scene.add("a", "127.0.0.1:1");
    service.running = 7;
    const auto with_limit = [&](std::uint32_t limit) {
        auto config = std::make_shared<ServiceConfig>(*service.config);
        own_terms(*config).limits.instances = limit;
        service.config = config;
        return scene.html();
    };
    CHECK(with_limit(0).find("<td class=\"number running\">7</td>") != std::string::npos);
    CHECK(with_limit(8).find("<td class=\"number running\">7 / 8</td>") != std::string::npos);
    CHECK(with_limit(7).find("<td class=\"number running full\">7 / 7</td>") != std::string::npos);
}

TEST_CASE("status page: what has failed stands above all") {
    Scene scene;
    scene.add("good", "127.0.0.1:1");
    CHECK(scene.has("none failed"));
    CHECK_FALSE(scene.has("class=\"failed\""));
    State::Service& service = scene.add("bad", "127.0.0.1:2");
    service.condition = Condition::failed;
    service.reason = "bind: <in use>";
    service.sockets[0].condition = Condition::failed;
    service.sockets[0].reason = service.reason;
    CHECK(scene.has("2 services, 1 failed</title>"));
    CHECK(scene.has("<li><strong>bad/tcp</strong> at 127.0.0.1:2: bind: &lt;in use&gt;</li>"));
    CHECK(scene.has("<span class=\"state bad\">failed</span><small>bind: &lt;in use&gt;</small>"));
}

TEST_CASE("status page: the daemon itself") {
    Scene scene;
    CHECK(scene.has("<span class=\"state good\">running</span>"));
    scene.add("a", nullptr).condition = Condition::drained;
    CHECK(scene.has("<span class=\"state warn\">drained</span>"));
    CHECK(scene.has("behind tcpmux"));
    scene.about.stopping = true;
    scene.about.generation = 2;
    scene.about.settings = "/etc/<inetd>.cfg";
    scene.about.last_reload = {scene.state.at - 1s, false, "refused: 1 error"};
    CHECK(scene.has("<span class=\"state warn\">stopping</span>"));
    CHECK(scene.has("2 changes of the binary"));
    CHECK(scene.has("/etc/inetd.conf, /etc/&lt;inetd&gt;.cfg"));
    CHECK(scene.has("<span class=\"bad\">refused: 1 error</span>"));
}

TEST_CASE("status page: loaded again only where it was asked for") {
    CHECK(refresh_of("refresh=10") == 10);
    for (const char* query : {"", "refresh=", "refresh=0", "refresh=3601", "refresh=1;x", "x=1"})
        CHECK(refresh_of(query) == 0);
    CHECK(status_fields(0).find("Refresh") == std::string::npos);
    CHECK(status_fields(10).ends_with("\r\nRefresh: 10\r\n"));
    CHECK(status_fields(0).starts_with(
        "Content-Security-Policy: default-src 'none'; style-src 'sha256-"));
    Scene scene;
    CHECK(scene.has("<a href=\"?refresh=10\">"));
    scene.refresh = 30;
    CHECK(scene.has("Loaded again every 30 s; <a href=\"?\">"));
}
