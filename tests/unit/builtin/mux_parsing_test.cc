#include "builtin/tcpmux.h"
#include "mux.h"

using namespace inetd;
using namespace inetd::test;
using namespace std::chrono_literals;
using Outcome = MuxEnd::Outcome;

TEST_CASE("a whole line of which the parser has not said what it is") {
    auto mux = std::make_unique<Mux>();
    Connection connection = tcp_connection();
    auto lease = std::make_shared<int>(0);
    mux->parser.silent = true;
    mux->start(connection, lease);
    const auto ask = [&](std::string_view text) {
        say(connection.client, text);
        rounds_until(mux->loop, [&] { return mux->parser.asked == 1; });
    };
    SUBCASE("goes on in another process, and nothing behind it is lost") {
        say(connection.client, "fing");
        rounds_until(mux->loop, [&] { return mux->sessions->states().at(0).line == "fing"; });
        ask("er\r\nPAYLOAD");
        auto states = mux->sessions->states();
        CHECK(states.at(0).line == "fing");
        states[0].fd = dup(states[0].fd);
        mux = std::make_unique<Mux>();
        mux->sessions->resume(states[0], nullptr);
        mux->rounds_until_end();
        CHECK(mux->ends[0].outcome == Outcome::served);
        CHECK(mux->ends[0].name == "Finger");
        std::string text;
        read_some(mux->served, text);
        CHECK(text == "PAYLOAD");
    }
    SUBCASE("is dropped with its client's connection") {
        ask("x\r\n");
        connection.client.reset();
        mux->sessions->stop_all();
        CHECK(mux->ends.at(0).outcome == Outcome::stopped);
        CHECK(mux->sessions->count() == 0);
    }
    SUBCASE("is dropped with the sessions") {
        ask("x\r\n");
        mux->sessions.reset();
    }
    CHECK(lease.use_count() == 1);
}

TEST_CASE(
    "a parser that does not answer is not waited for without end, and does not spin the loop") {
    Mux mux;
    own_terms(*mux.config).idle_timeout = 50ms;
    mux.parser.silent = true;
    Connection connection = tcp_connection();
    mux.start(connection);
    say(connection.client, "x\r\nPAYLOAD");
    for (int rounds = 0; mux.ends.empty() && rounds < 20; ++rounds)
        mux.loop.round(1min);
    REQUIRE(mux.ends.size() == 1);
    CHECK(mux.ends[0].outcome == Outcome::timed_out);
    CHECK(mux.sessions->count() == 0);
}

TEST_CASE("a client that resets while the parser is asked is given up or handed over") {
    Mux mux;
    Connection connection = tcp_connection();
    auto lease = std::make_shared<int>(0);
    mux.start(connection, lease);
    say(connection.client, "x\r\n");
    rounds_until(mux.loop, [&] { return mux.parser.asked == 1; });
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    REQUIRE(setsockopt(connection.client.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) ==
            0);
    connection.client.reset();
    mux.rounds_until_end();
    const auto outcome = mux.ends[0].outcome;
    CHECK((outcome == Outcome::served || outcome == Outcome::hung_up));
    mux.served.reset();
    CHECK(mux.sessions->count() == 0);
    CHECK(lease.use_count() == 1);
}

TEST_CASE("a line that the parser fails at costs its client, and no other") {
    Mux mux;
    auto lease = std::make_shared<int>(0);
    for (const bool fails : {true, false}) {
        mux.parser.fails = fails;
        Connection connection = tcp_connection();
        mux.start(connection, lease);
        say(connection.client, "x\r\npayload");
        rounds_until(mux.loop, [&] { return mux.ends.size() == (fails ? 1 : 2); });
        if (fails) CHECK(read_to_end(mux.loop, connection.client) == "-Service not available\r\n");
    }
    CHECK(mux.ends[0].outcome == Outcome::unparsed);
    CHECK(mux.ends[0].lease == lease);
    CHECK(mux.ends[1].outcome == Outcome::served);
    CHECK_FALSE(mux.ends[1].lease);
    mux.ends.clear();
    rounds_until(mux.loop, [&] { return mux.sessions->count() == 0; });
    CHECK(lease.use_count() == 1);
}
