#include "http_house.h"

using namespace inetd;
using namespace inetd::test;
using namespace std::chrono_literals;

TEST_CASE("http: no connection for ever") {
    HttpHouse f;
    const Connection c = f.start();
    for (unsigned i = 1; i < HttpSessions::kMostRequests; ++i) {
        say(c.client, kGet);
        REQUIRE(f.next_answer(c.client) == "200 open hello");
    }
    say(c.client, kGet);
    CHECK(f.next_answer(c.client) == "200 hello");
    CHECK(read_to_end(f.loop, c.client).empty());
}

TEST_CASE("http: nobody stays when nobody may") {
    HttpHouse f;
    const Connection idle = f.start();
    const Connection busy = f.start();
    say(busy.client, "GET / HT");
    rounds_until(f.loop, [&] { return f.sessions.busy() == 1; });
    f.stays = false;
    f.sessions.close_idle();
    CHECK(read_to_end(f.loop, idle.client).empty());
    CHECK(f.ends.size() == 1);
    say(busy.client, "TP/1.1\r\nHost: x\r\n\r\n");
    CHECK(f.next_answer(busy.client) == "200 hello");
    CHECK(read_to_end(f.loop, busy.client).empty());
}

TEST_CASE("http: who does not read costs one answer and is dropped") {
    HttpHouse f;
    f.big = noise(4'000'000);
    const Connection c = f.start(tcp_connection(4096), 200ms);
    say(c.client, "GET /big HTTP/1.1\r\nHost: x\r\n\r\nGET /big HTTP/1.1\r\nHost: x\r\n\r\n");
    rounds_until(f.loop, [&] { return f.ends.size() == 1; });
    CHECK(f.asked == 1);
    CHECK(f.ends[0].reason == SessionEnd::Reason::idle);
    CHECK(f.sessions.count() == 0);
    CHECK(f.lease.use_count() == 1);
}

TEST_CASE("http: who has taken nothing for longest makes room for the others") {
    HttpHouse f;
    f.big = noise(3'000'000);
    const std::string get = "GET /big HTTP/1.1\r\nHost: x\r\n";
    std::vector<Connection> deaf;
    const auto ask = [&](const char* field) {
        // Of unix sockets, which take what there is room for at once, and later nothing more.
        Connection c = unix_connection();
        c.peer = *SocketAddress::parse_ip("192.0.2.1", static_cast<std::uint16_t>(deaf.size()));
        deaf.push_back(f.start(std::move(c)));
        say(deaf.back().client, get + field + "\r\n");
        rounds_until(f.loop, [&] { return f.asked == deaf.size(); });
    };
    ask("");
    ask("Connection: close\r\n");
    CHECK(f.sessions.count() == 2);
    REQUIRE(f.ends.size() == 1); // of the second, whose answer is under way
    ask("Connection: close\r\n");
    CHECK(f.sessions.count() == 2);
    REQUIRE(f.ends.size() == 3);
    CHECK(f.ends[2].peer == deaf[0].peer);
    CHECK(f.ends[2].reason == SessionEnd::Reason::idle);
    ask("");
    ask("");
    CHECK(f.sessions.count() == 2);
    CHECK(f.ends.size() == 3);
    // One is never too much, and who reads gets all of it.
    f.big = noise(9'000'000);
    const Connection reader = f.start(tcp_connection(65536));
    say(reader.client, get + "\r\n");
    CHECK((f.next_answer(reader.client) == "200 open " + f.big));
    CHECK(f.sessions.count() == 1);
    CHECK(f.ends.size() == 5);
}

TEST_CASE("http: an answer that was taken or given up is held no more") {
    HttpHouse f;
    f.big = noise(3'000'000);
    const std::string get = "GET /big HTTP/1.1\r\nHost: x\r\n";
    const Connection reader = f.start(tcp_connection(8192));
    for (int i = 0; i < 3; ++i) {
        say(reader.client, get + "\r\n");
        CHECK((f.next_answer(reader.client) == "200 open " + f.big));
    }
    for (const char* field : {"", "", "", "Connection: close\r\n", "Connection: close\r\n"}) {
        Connection leaver = f.start(tcp_connection(4096));
        say(leaver.client, get + field + "\r\n");
        rounds_until(f.loop, [&, before = f.asked] { return f.asked > before; });
        leaver.client.reset();
        rounds_until(f.loop, [&] { return f.sessions.count() == 1; });
    }
    CHECK(f.ends.size() == 5);
    const Connection first = f.start(tcp_connection(4096));
    say(first.client, get + "\r\n");
    const Connection second = f.start(tcp_connection(4096));
    say(second.client, get + "\r\n");
    rounds_until(f.loop, [&] { return f.asked == 10; });
    CHECK(f.sessions.count() == 3);
    CHECK(f.ends.size() == 5);
}

TEST_CASE("http: idle clients and long sessions are closed") {
    HttpHouse f;
    const Connection idle = f.start(tcp_connection(), 50ms);
    CHECK(read_to_end(f.loop, idle.client).empty());
    const Connection lasting = f.start(unix_connection(), 1min, 50ms);
    CHECK(read_to_end(f.loop, lasting.client).empty());
    REQUIRE(f.ends.size() == 2);
    CHECK(f.ends[0].reason == SessionEnd::Reason::idle);
    CHECK(f.ends[1].reason == SessionEnd::Reason::timeout);
    const Connection last = f.start();
    f.sessions.stop_all();
    CHECK(f.ends[2].reason == SessionEnd::Reason::stopped);
    CHECK(f.lease.use_count() == 1);
}
