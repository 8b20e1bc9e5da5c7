#include "control/descriptions.h"
#include "control/server.h"

#include <array>
#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <sys/socket.h>
#include <utility>
#include <vector>

using namespace inetd;
using namespace inetd::control;
using namespace std::chrono_literals;

namespace {

const std::string kInterface = "a.b";

// A server of the interface a.b with its methods, and the other ends of connections to it.
struct World {
    explicit World(std::vector<Method> methods, Patience patience = {})
        : server(loop, {{"v", "p", "1", "u"}, kInterface, "interface a.b", std::move(methods)},
                 patience) {}

    int connect() {
        std::array<int, 2> ends{};
        REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) ==
                0);
        server.adopt(Fd(ends[0]));
        callers.emplace_back(ends[1]);
        return ends[1];
    }
    static void call(int fd, const std::string& method, bool more = false) {
        const std::string text = call_text({.method = method,
                                            .parameters = Json::object(),
                                            .more = more,
                                            .oneway = false,
                                            .upgrade = false});
        REQUIRE(send(fd, text.data(), text.size(), MSG_NOSIGNAL) ==
                static_cast<ssize_t>(text.size()));
    }
    // What has come; nothing at the end.
    static std::optional<std::string> read(int fd) {
        std::string all;
        std::array<char, 65536> buffer;
        for (;;) {
            const ssize_t got = recv(fd, buffer.data(), buffer.size(), 0);
            if (got == 0) return all.empty() ? std::nullopt : std::optional(all);
            if (got < 0) return all;
            all.append(buffer.data(), static_cast<std::size_t>(got));
        }
    }
    void rounds(int count = 4) {
        for (int i = 0; i < count; ++i)
            loop.round(0ms);
    }

    EventLoop loop;
    Server server;
    std::vector<Fd> callers;
};

} // namespace

TEST_CASE("control: an answer may come later, and several where that is asked for") {
    std::optional<Responder> kept;
    World world({{"Wait", Access::read,
                  [&](Parameters&, const Responder& responder) { kept = responder; }}});
    const int fd = world.connect();
    World::call(fd, "a.b.Wait", true);
    world.rounds();
    REQUIRE(kept);
    CHECK(kept->more());
    CHECK(kept->alive());
    CHECK(World::read(fd) == "");
    kept->reply_and_go_on({{"n", 1}});
    kept->reply({{"n", 2}});
    CHECK_FALSE(kept->alive());
    kept->reply({{"n", 3}}); // the call has had its last
    world.rounds();
    const std::string wanted =
        reply_text({.parameters = {{"n", 1}}, .error = {}, .continues = true}) +
        reply_text({.parameters = {{"n", 2}}});
    CHECK(World::read(fd) == wanted);
}

TEST_CASE("control: one call is answered before the next is looked at") {
    std::vector<Responder> kept;
    World world({{"Wait", Access::read,
                  [&](Parameters&, const Responder& responder) { kept.push_back(responder); }}});
    const int fd = world.connect();
    World::call(fd, "a.b.Wait");
    World::call(fd, "a.b.Wait");
    world.rounds();
    CHECK(kept.size() == 1);
    kept[0].reply(Json::object());
    world.rounds();
    CHECK(kept.size() == 2);
}

TEST_CASE("control: whoever goes away while he waits is forgotten") {
    std::optional<Responder> kept;
    World world({{"Wait", Access::read,
                  [&](Parameters&, const Responder& responder) { kept = responder; }}});
    World::call(world.connect(), "a.b.Wait", true);
    world.rounds();
    CHECK(world.server.connections() == 1);
    world.callers.clear();
    world.rounds();
    CHECK(world.server.connections() == 0);
    CHECK_FALSE(kept->alive());
    kept->reply(Json::object());
}

TEST_CASE("control: a stream has no room while its reader is slow, and has again") {
    std::optional<Responder> kept;
    World world({{"Wait", Access::read,
                  [&](Parameters&, const Responder& responder) { kept = responder; }}});
    const int fd = world.connect();
    World::call(fd, "a.b.Wait", true);
    world.rounds();
    const std::string much(8192, 'x');
    int sent = 0;
    while (kept->has_room() && sent < 1000) {
        kept->reply_and_go_on({{"text", much}});
        ++sent;
    }
    CHECK(sent < 1000);
    std::size_t got = 0;
    for (int i = 0; i < 100; ++i) {
        got += World::read(fd).value_or("").size();
        world.rounds();
    }
    CHECK(got > static_cast<std::size_t>(sent) * much.size());
    CHECK(kept->has_room());
}

TEST_CASE("control: who says nothing and who takes nothing is left in the end") {
    World world({{"Much", Access::read,
                  [&](Parameters&, const Responder& responder) {
                      responder.reply({{"text", std::string(std::size_t{4} << 20, 'x')}});
                  }}},
                {.idle = 20ms, .stalled = 20ms});
    const int silent = world.connect();
    const int half = world.connect();
    REQUIRE(send(half, "{\"meth", 7, 0) == 7);
    const int deaf = world.connect();
    World::call(deaf, "a.b.Much");
    while (world.server.connections() != 0)
        world.loop.round();
    CHECK(World::read(silent) == std::nullopt);
    CHECK(World::read(half) == std::nullopt);
}

TEST_CASE("control: no more than so many are served") {
    World world({});
    for (std::size_t i = 0; i < Server::kMost; ++i)
        world.connect();
    const int late = world.connect();
    CHECK(world.server.connections() == Server::kMost);
    CHECK(World::read(late) == reply_text({.parameters = Json::object(), .error = kBusy}));
    CHECK(World::read(late) == std::nullopt);
}

TEST_CASE("control: who may only look is listened to for a part of the time") {
    EventLoop loop;
    Pace pace;
    std::array<int, 2> ends{};
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
    const Fd caller(ends[1]);
    std::vector<std::pair<TimePoint, TimePoint>> calls;
    const auto connection = std::make_shared<Connection>(
        loop, Fd(ends[0]), Caller{.pid = 1, .uid = 1, .may_change = false}, Patience(), pace,
        Connection::Hooks{.called =
                              [&](Connection& from, const Call&) {
                                  const TimePoint began = Clock::now();
                                  while (Clock::now() < began + 5ms)
                                      continue;
                                  calls.emplace_back(began, Clock::now());
                                  from.send({});
                              },
                          .ended = [](Connection&) {}});
    connection->start();
    World::call(caller.get(), "a.b.Look");
    World::call(caller.get(), "a.b.Look");
    while (calls.size() < 2)
        loop.round();
    CHECK(calls[1].first - calls[0].second >= 4 * (calls[0].second - calls[0].first));
}

TEST_CASE("control: a file whose mode cannot be set is made anew, or nobody is listened to") {
    World world({});
    std::string directory = "/tmp/inetd-control-XXXXXX";
    REQUIRE(mkdtemp(directory.data()) != nullptr);
    const std::string inner = directory + "/inner";
    const Place narrow{.path = inner + "/socket", .mode = 0600};
    Place wide = narrow;
    wide.mode = 0666;
    const auto mode = [&] { return std::filesystem::status(narrow.path).permissions(); };
    REQUIRE(world.server.listen(narrow));

    std::filesystem::remove(narrow.path);
    REQUIRE(world.server.listen(wide));
    CHECK(mode() == std::filesystem::perms(0666));

    std::filesystem::remove_all(inner);
    std::ofstream(inner).put('x'); // in the way of the directory
    for (int attempt = 0; attempt < 2; ++attempt) {
        CHECK_FALSE(world.server.listen(narrow));
        CHECK(world.server.listener() == -1);
    }
    std::filesystem::remove(inner);
    REQUIRE(world.server.listen(narrow));
    CHECK(mode() == std::filesystem::perms(0600));
    world.server.close();
    std::filesystem::remove_all(directory);
}

// The caller of the system tests holds each call and reply against them.
TEST_CASE("control: the descriptions are those of their interfaces") {
    CHECK(kControlDescription.find("\ninterface io.inetd.Control\n") != std::string_view::npos);
    CHECK(kServiceDescription.find("\ninterface org.varlink.service\n") != std::string_view::npos);
}
