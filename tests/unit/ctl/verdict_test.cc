#include "ctl/verdict.h"

#include <cerrno>
#include <doctest/doctest.h>
#include <string>

using namespace inetd;
using namespace inetd::ctl;

namespace {
struct Scene {
    Json details{
        {"service",
         {{"name", "some"}, {"protocol", "tcp"}, {"state", "listening"}, {"reason", nullptr}}},
        {"builtin", nullptr},
        {"behind", Json::array()}};
    Opening opening;
    Way way{*SocketAddress::parse_ip("127.0.0.1", 13), "0.0.0.0:13", SOCK_STREAM, 0};
    Trial trial{.end = Trial::End::closed, .connected = 0.0001, .lasted = 0.25};
    Witness::Account account;
    std::string answer;

    [[nodiscard]] Verdict verdict() const {
        return verdict_of({details, opening, way, trial, account, answer});
    }
    void answered(std::string text) {
        answer = std::move(text);
        trial.first = 0.002;
        trial.received = answer.size();
    }
};
} // namespace

TEST_CASE("verdict: an answer") {
    Scene scene;
    scene.answered("hello");
    CHECK(scene.verdict().code == kExitOk);
    CHECK(scene.verdict().text == "works: 5 bytes came, the first after 2.0 ms; the service closed "
                                  "the connection after 250.0 ms");
    scene.account = {.pid = 77, .ended = "exit 1", .refused = {}, .messages = {}};
    scene.trial.end = Trial::End::reset;
    scene.trial.error = ECONNRESET;
    CHECK(scene.verdict().text.ends_with("then the connection was broken off: Connection reset by "
                                         "peer; its server (pid 77) ended: exit 1"));
}

TEST_CASE("verdict: the time of RFC 868 is told") {
    setenv("TZ", "UTC", 1);
    Scene scene;
    scene.details["builtin"] = "time";
    scene.answered(std::string("\x83\xaa\x7e\x80", 4)); // 2,208,988,800
    CHECK(scene.verdict().text.starts_with("works: 4 bytes came, which mean 1970-01-01 00:00:00,"));
}

TEST_CASE("verdict: nothing came") {
    Scene scene;
    CHECK(scene.verdict().code == kExitSilent);
    CHECK(std::string(scene.verdict().outcome) == "ended");
    scene.trial.end = Trial::End::timed_out;
    scene.trial.lasted = 5;
    CHECK(scene.verdict().text == "nothing came within 5.00 s");
    CHECK(scene.verdict().advice.find("--send") != std::string::npos);
    scene.details["service"]["state"] = "parked";
    scene.details["service"]["reason"] = "all 1 instances run";
    CHECK(scene.verdict().text == "nothing came within 5.00 s; it is parked: all 1 instances run");
    scene.trial.end = Trial::End::reset;
    scene.trial.error = ECONNRESET;
    CHECK(scene.verdict().code == kExitFailed);
    scene.opening.swallowed = true;
    CHECK(scene.verdict().code == kExitFailed);
    scene.trial.end = Trial::End::closed;
    scene.trial.sent = 20;
    CHECK(scene.verdict().text == "works: took 20 bytes and answered nothing, as it should");
}

TEST_CASE("verdict: a discard that has closed nothing has taken nothing") {
    Scene scene;
    scene.opening.swallowed = true;
    scene.trial.sent = 20;
    scene.trial.end = Trial::End::timed_out;
    scene.trial.lasted = 5;
    CHECK(scene.verdict().code == kExitSilent);
    CHECK(scene.verdict().text == "the connection was not closed within 5.00 s");
    scene.details["service"]["state"] = "parked";
    scene.details["service"]["reason"] = "all 1 instances run";
    CHECK(scene.verdict().text ==
          "the connection was not closed within 5.00 s; it is parked: all 1 instances run");
    scene.way.type = SOCK_DGRAM;
    scene.trial.end = Trial::End::quiet;
    CHECK(scene.verdict().code == kExitOk);
}

TEST_CASE("verdict: refused, and by whom") {
    Scene scene;
    scene.account.refused = "only_from";
    scene.answered("421 not from there\r\n"); // banner_fail
    CHECK(scene.verdict().code == kExitFailed);
    CHECK(scene.verdict().text.find("'only_from'") != std::string::npos);
    scene.account.refused.reset();
    CHECK(scene.verdict().code == kExitOk);
    scene.details["behind"] = {"127.0.0.1:1"};
    scene.answered("-Service not available\r\n");
    CHECK(std::string(scene.verdict().outcome) == "refused");
}

TEST_CASE("verdict: no connection") {
    Scene scene;
    scene.trial = {.end = Trial::End::unreachable, .error = ECONNREFUSED, .lasted = 0.001};
    CHECK(scene.verdict().text == "does not work: connecting to 127.0.0.1:13: Connection refused");
    scene.trial.error = ETIMEDOUT;
    CHECK(scene.verdict().text ==
          "does not work: connecting to 127.0.0.1:13: nobody answered within 1.0 ms");
    scene.way.type = SOCK_DGRAM;
    scene.trial.error = ECONNREFUSED;
    CHECK(scene.verdict().text == "does not work: sending to 127.0.0.1:13: Connection refused");
    scene.trial.error = ETIMEDOUT;
    CHECK(scene.verdict().text ==
          "does not work: sending to 127.0.0.1:13: there was no room within 1.0 ms");
}

TEST_CASE("verdict: an echo has to say the same") {
    Scene scene;
    scene.opening.mirrored = true;
    scene.opening.probe = "hello";
    scene.trial.probed = true;
    scene.answered("hallo");
    CHECK(std::string(scene.verdict().outcome) == "garbled");
    scene.answered("hello");
    CHECK(scene.verdict().code == kExitOk);
    scene.trial.probed = false;
    scene.answered("what was asked for");
    CHECK(scene.verdict().code == kExitOk);
}
