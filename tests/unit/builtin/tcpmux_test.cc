#include "builtin/tcpmux.h"
#include "mux.h"

#include <fcntl.h>
#include <sys/ioctl.h>

using namespace inetd;
using namespace inetd::test;
using namespace std::chrono_literals;
using Outcome = MuxEnd::Outcome;

TEST_CASE("what follows the name in one segment stays for the service") {
    Mux mux;
    Connection connection = tcp_connection();
    auto lease = std::make_shared<int>(0);
    mux.start(connection, lease);
    say(connection.client, "fINGER\r\nPAYLOAD\r\n");
    mux.rounds_until_end();
    CHECK(mux.ends[0].outcome == Outcome::served);
    CHECK(mux.ends[0].name == "Finger");
    CHECK(mux.ends[0].peer == connection.peer);
    REQUIRE(mux.served);
    CHECK((fcntl(mux.served.get(), F_GETFL) & O_NONBLOCK) == 0);
    CHECK(mux_reply(mux.served.get(), kMuxGo));
    std::string text;
    read_some(mux.served, text);
    CHECK(text == "PAYLOAD\r\n");
    mux.served.reset();
    CHECK(read_to_end(mux.loop, connection.client) == "+Go\r\n");
    CHECK(mux.sessions->count() == 0);
    CHECK(lease.use_count() == 1);
}

TEST_CASE("half a name is completed in another process") {
    auto before = std::make_unique<Mux>();
    Connection connection = tcp_connection();
    before->start(connection);
    say(connection.client, "fing");
    rounds_until(before->loop, [&] { return before->sessions->states().at(0).line == "fing"; });
    auto states = before->sessions->states();
    states[0].fd = dup(states[0].fd);
    before.reset();
    Mux after;
    after.sessions->resume(states[0], nullptr);
    say(connection.client, "er\r\n");
    after.rounds_until_end();
    CHECK(after.ends[0].outcome == Outcome::served);
    CHECK(after.ends[0].name == "Finger");
    CHECK(after.ends[0].peer == connection.peer);
}

TEST_CASE("a name may come byte by byte, and part of a line does not spin the loop") {
    Mux mux;
    Connection connection = tcp_connection();
    const int server = connection.server.get();
    mux.start(connection);
    for (const char c : std::string_view("x\r")) {
        say(connection.client, {&c, 1});
        mux.loop.round();
        CHECK(mux.ends.empty());
        int unread = 1;
        REQUIRE(ioctl(server, FIONREAD, &unread) == 0);
        CHECK(unread == 0);
    }
    say(connection.client, "\n");
    mux.rounds_until_end();
    CHECK(mux.ends[0].name == "x");
}

TEST_CASE("clients that get no service are told so") {
    Mux mux;
    Connection connection = tcp_connection();
    mux.start(connection);
    SUBCASE("a name that is not there") {
        say(connection.client, "nothing\r\nand a payload that nobody reads");
        CHECK(read_to_end(mux.loop, connection.client) == "-Service not available\r\n");
        CHECK(mux.ends.at(0).outcome == Outcome::unknown);
        CHECK(mux.ends.at(0).name == "nothing");
    }
    SUBCASE("a name that none can have") {
        say(connection.client, "x\x7f\n");
        CHECK(read_to_end(mux.loop, connection.client) == "-Service not available\r\n");
        CHECK(mux.ends.at(0).outcome == Outcome::unknown);
        CHECK(mux.ends.at(0).name.empty());
    }
    SUBCASE("a service that has no room") {
        mux.refusal = kMuxBusy;
        say(connection.client, "x\npayload");
        CHECK(read_to_end(mux.loop, connection.client) == "-Service busy\r\n");
        CHECK(mux.ends.at(0).outcome == Outcome::refused);
    }
    SUBCASE("a service that finds out later that it is not for this client") {
        say(connection.client, "x\npayload");
        rounds_until(mux.loop, [&] { return static_cast<bool>(mux.served); });
        mux.sessions->turn_away(std::move(mux.served), nullptr);
        CHECK(read_to_end(mux.loop, connection.client) == "-Service not available\r\n");
    }
    SUBCASE("a name that never ends") {
        say(connection.client, std::string(5000, 'x'));
        CHECK(read_to_end(mux.loop, connection.client) == "-Line too long\r\n");
        CHECK(mux.ends.at(0).outcome == Outcome::too_long);
    }
    SUBCASE("a request for help") {
        say(connection.client, "Help\r\n");
        CHECK(read_to_end(mux.loop, connection.client) == "Finger\r\nx\r\n");
        CHECK(mux.ends.at(0).outcome == Outcome::help);
    }
    CHECK(mux.ends.size() == 1);
    connection.client.reset();
    rounds_until(mux.loop, [&] { return mux.sessions->count() == 0; });
}

TEST_CASE("clients that do not finish the line are closed") {
    Connection connection = tcp_connection();
    SUBCASE("in time, though bytes trickle in") {
        Mux mux(5ms);
        mux.start(connection);
        int bytes = 0;
        rounds_until(mux.loop, [&] {
            if (++bytes < 100) send(connection.client.get(), "x", 1, MSG_NOSIGNAL);
            return !mux.ends.empty();
        });
        CHECK(mux.ends[0].outcome == Outcome::timed_out);
    }
    SUBCASE("silent") {
        Mux mux(5ms);
        mux.start(connection);
        CHECK(read_to_end(mux.loop, connection.client).empty());
        CHECK(mux.ends.at(0).outcome == Outcome::timed_out);
    }
    SUBCASE("silent for the idle_timeout") {
        Mux mux;
        own_terms(*mux.config).idle_timeout = 5ms;
        mux.start(connection);
        say(connection.client, "fing");
        CHECK(read_to_end(mux.loop, connection.client).empty());
        CHECK(mux.ends.at(0).outcome == Outcome::timed_out);
    }
    SUBCASE("not before the session_timeout, though bytes trickle in") {
        Mux mux;
        own_terms(*mux.config).idle_timeout = 1min;
        own_terms(*mux.config).session_timeout = 20ms;
        mux.start(connection);
        int bytes = 0;
        rounds_until(mux.loop, [&] {
            if (++bytes < 100) send(connection.client.get(), "x", 1, MSG_NOSIGNAL);
            return !mux.ends.empty();
        });
        CHECK(mux.ends[0].outcome == Outcome::timed_out);
    }
    SUBCASE("gone") {
        Mux mux;
        mux.start(connection);
        say(connection.client, "fing");
        connection.client.reset();
        mux.rounds_until_end();
        CHECK(mux.ends[0].outcome == Outcome::hung_up);
    }
    SUBCASE("stopped") {
        Mux mux;
        mux.start(connection);
        mux.sessions->stop_all();
        CHECK(mux.ends.at(0).outcome == Outcome::stopped);
        CHECK(mux.sessions->count() == 0);
    }
}

TEST_CASE("what is left of the session_timeout is for the answer") {
    Mux mux;
    own_terms(*mux.config).session_timeout = 50ms;
    Connection connection = tcp_connection();
    auto lease = std::make_shared<int>(0);
    mux.start(connection, lease);
    say(connection.client, "help\r\n");
    // The client stays, and says something now and then.
    const TimePoint begin = Clock::now();
    rounds_until(mux.loop, [&] {
        send(connection.client.get(), "x", 1, MSG_NOSIGNAL);
        return mux.sessions->count() == 0;
    });
    CHECK(Clock::now() - begin >= 50ms);
    CHECK(lease.use_count() == 1);
}

TEST_CASE("the last handler may destroy the sessions") {
    EventLoop loop;
    Parser parser(loop);
    SUBCASE("of one that was parsed") {}
    SUBCASE("of one that was not") {
        parser.fails = true;
    }
    std::unique_ptr<MuxSessions> sessions;
    MuxSessions::Handlers handlers;
    handlers.names = [] { return std::vector<std::string>{}; };
    handlers.ended = [&](const MuxEnd&) { sessions.reset(); };
    sessions = std::make_unique<MuxSessions>(loop, parser.asker(), 1min, std::move(handlers));
    Connection connection = tcp_connection();
    sessions->start(service_of(Builtin::tcpmux), std::move(connection.server), {}, nullptr);
    say(connection.client, "x\r\n");
    rounds_until(loop, [&] { return !sessions; });
}
