#include "http_house.h"

using namespace inetd;
using namespace inetd::test;
using namespace std::chrono_literals;

TEST_CASE("http: a connection stays for further requests") {
    HttpHouse f;
    Connection c = f.start();
    CHECK(f.sessions.busy() == 0);
    for (int i = 0; i < 3; ++i) {
        say(c.client, kGet);
        CHECK(f.next_answer(c.client) == "200 open hello");
    }
    say(c.client, "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(f.next_answer(c.client, false) == "200 open ");
    say(c.client, "GET /x HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(f.next_answer(c.client) == "404 open 404 Not Found\n");
    say(c.client, "TRACE / HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(f.next_answer(c.client) == "405 open 405 Method Not Allowed\n");
    CHECK(f.asked == 5);
    CHECK(f.sessions.count() == 1);
    c.client.reset();
    rounds_until(f.loop, [&] { return f.sessions.count() == 0; });
    REQUIRE(f.ends.size() == 1);
    CHECK(f.ends[0].reason == SessionEnd::Reason::eof);
    CHECK(f.ends[0].bytes_in == 6 * kGet.size() + 1 + 1 + 2);
    CHECK(f.lease.use_count() == 1);
}

TEST_CASE("http: an answer has what it should") {
    const std::string text = http_answer({"text/plain", "hello", "X-Test: yes\r\n"},
                                         {.keeps_open = true, .now = 784111777});
    CHECK(text == "HTTP/1.1 200 OK\r\n"
                  "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                  "Content-Type: text/plain\r\n"
                  "Content-Length: 5\r\n"
                  "Cache-Control: no-store\r\n"
                  "X-Content-Type-Options: nosniff\r\n"
                  "Connection: keep-alive\r\n"
                  "X-Test: yes\r\n\r\nhello");
    CHECK(http_failure(405, {}).find("\r\nAllow: GET, HEAD\r\n") != std::string::npos);
    CHECK(http_failure(400, {}, "why").ends_with("\r\n\r\n400 why\n"));
    CHECK(http_failure(408, {.head = true}).ends_with("\r\n\r\n"));
}

TEST_CASE("http: who is told that the connection ends, and then it does") {
    struct {
        const char* request;
        const char* answer;
    } const cases[] = {
        {"GET / HTTP/1.0\r\n\r\n", "200 hello"},
        {"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "200 hello"},
        {"GET / HTTP/1.1\r\n\r\n", "400 400 Bad Request\n"},
        {"GET / HTTP/3.0\r\n\r\n", "505 505 HTTP Version Not Supported\n"},
        {"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nGET /",
         "400 400 a request for a document has no body\n"},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nGET /",
         "405 405 Method Not Allowed\n"},
    };
    for (const auto& one : cases) {
        HttpHouse f;
        const Connection c = f.start();
        say(c.client, one.request);
        CHECK(f.next_answer(c.client) == one.answer);
        CHECK(read_to_end(f.loop, c.client).empty());
        CHECK(f.ends.size() == 1);
    }
}

TEST_CASE("http: requests in pieces and requests in one") {
    HttpHouse f;
    const Connection c = f.start();
    f.say_in_pieces(c.client, kGet);
    CHECK(f.next_answer(c.client) == "200 open hello");
    std::string many("\r\n");
    for (int i = 0; i < 50; ++i)
        many += kGet;
    say(c.client, many + "GET");
    for (int i = 0; i < 50; ++i)
        CHECK(f.next_answer(c.client) == "200 open hello");
    CHECK(f.sessions.busy() == 1);
    say(c.client, " /x HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(f.next_answer(c.client) == "404 open 404 Not Found\n");
    CHECK(f.sessions.busy() == 0);
}

TEST_CASE("http: one request is answered in a round") {
    HttpHouse f;
    const Connection c = f.start();
    say(c.client, std::string(kGet) + std::string(kGet) + std::string(kGet));
    for (unsigned asked = 1; asked <= 3; ++asked) {
        rounds_until(f.loop, [&] { return f.asked >= asked; });
        CHECK(f.asked == asked);
    }
}

TEST_CASE("http: dear documents leave time for others") {
    HttpHouse f;
    f.takes = 20ms;
    const Connection one = f.start();
    const Connection two = f.start();
    const TimePoint begin = Clock::now();
    say(one.client, kGet);
    CHECK(f.next_answer(one.client) == "200 open hello");
    say(two.client, kGet);
    say(one.client, kGet);
    rounds_until(f.loop, [&] { return f.sessions.busy() == 2; });
    CHECK(f.next_answer(two.client) == "200 open hello");
    CHECK(f.next_answer(one.client) == "200 open hello");
    CHECK(Clock::now() - begin >= 220ms);
    CHECK(f.asked == 3);
}

TEST_CASE("http: who waits is answered in the order of asking") {
    HttpHouse f;
    f.takes = 200ms; // after which nobody is answered for nine times as long
    const Connection first = f.start();
    say(first.client, kGet);
    CHECK(f.next_answer(first.client) == "200 open hello");
    f.takes = {};
    std::vector<Connection> clients;
    for (int i = 0; i < 5; ++i) {
        clients.push_back(f.start());
        say(clients.back().client, "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\n\r\n");
        rounds_until(f.loop, [&] { return f.sessions.busy() == clients.size(); });
    }
    // One of them has had enough: by a reset, as an end may be that of its sending alone.
    const linger now{.l_onoff = 1, .l_linger = 0};
    setsockopt(clients[2].client.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    clients[2].client.reset();
    rounds_until(f.loop, [&] { return f.asked == 5; });
    CHECK(f.paths == std::vector<std::string>{"/", "/0", "/1", "/3", "/4"});
    rounds_until(f.loop, [&] { return f.sessions.busy() == 0; });
    CHECK(f.sessions.count() == 5);
}

TEST_CASE("http: a request that comes too slowly or is too long") {
    HttpHouse f(1s);
    const Connection slow = f.start();
    say(slow.client, "GET / HTTP/1.1\r\nX: ");
    unsigned drops = 0;
    TimePoint next{};
    rounds_until(f.loop, [&] {
        // Goes on, but neither to an end nor to the longest that a request may be.
        if (Clock::now() < next) return f.ends.size() == 1;
        next = Clock::now() + 5ms;
        if (send(slow.client.get(), "a", 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1) ++drops;
        return f.ends.size() == 1;
    });
    CHECK(f.next_answer(slow.client) == "408 408 Request Timeout\n");
    CHECK(drops > 1);
    const Connection lengthy = f.start();
    say(lengthy.client, "GET / HTTP/1.1\r\nX: " + std::string(30'000, 'x'));
    CHECK(f.next_answer(lengthy.client) == "431 431 Request Header Fields Too Large\n");
    CHECK(f.asked == 0);
}

TEST_CASE("http: a second request has its own time") {
    HttpHouse f(200ms);
    const Connection c = f.start();
    say(c.client, std::string(kGet) + "GET / HT");
    CHECK(f.next_answer(c.client) == "200 open hello");
    CHECK(f.next_answer(c.client) == "408 408 Request Timeout\n");
}

TEST_CASE("http: a large answer comes whole") {
    HttpHouse f;
    f.big = noise(3'000'000);
    const Connection c = f.start(tcp_connection(8192));
    const std::string get = "GET /big HTTP/1.1\r\nHost: x\r\n\r\n";
    say(c.client, get + get);
    CHECK(f.next_answer(c.client) == "200 open " + f.big);
    CHECK(f.next_answer(c.client) == "200 open " + f.big);
}

TEST_CASE("http: the parser is asked about a line and a head, however they come") {
    HttpHouse f;
    const Connection c = f.start();
    f.say_in_pieces(c.client, kGet);
    CHECK(f.next_answer(c.client) == "200 open hello");
    CHECK(f.parser.asked == 2);
    say(c.client, kGet);
    CHECK(f.next_answer(c.client) == "200 open hello");
    CHECK(f.parser.asked == 3);
    say(c.client, "what?\r\n");
    CHECK(f.next_answer(c.client) == "400 400 Bad Request\n");
    CHECK(f.parser.asked == 4);
}

TEST_CASE("http: blank lines keep no place") {
    HttpHouse f;
    const Connection c = f.start(tcp_connection(), 200ms);
    TimePoint next{};
    unsigned sent = 0;
    rounds_until(f.loop, [&] {
        if (Clock::now() < next) return f.ends.size() == 1;
        next = Clock::now() + 20ms;
        if (send(c.client.get(), "\r\n", 2, MSG_NOSIGNAL) == 2) ++sent;
        return f.ends.size() == 1;
    });
    CHECK(sent > 1);
    CHECK(f.ends[0].reason == SessionEnd::Reason::idle);
    CHECK(f.parser.asked == 0);
}

TEST_CASE("http: without the parser, or its answer in time, the connection ends") {
    HttpHouse f(1s);
    f.parser.fails = true;
    const Connection c = f.start();
    say(c.client, kGet);
    CHECK(read_to_end(f.loop, c.client).empty());
    REQUIRE(f.ends.size() == 1);
    CHECK(f.ends[0].reason == SessionEnd::Reason::error);
    f.parser.fails = false;
    f.parser.silent = true;
    const Connection late = f.start();
    say(late.client, kGet);
    CHECK(f.next_answer(late.client) == "408 408 Request Timeout\n");
    CHECK(f.asked == 0);
    const Connection last = f.start();
    say(last.client, kGet);
    rounds_until(f.loop, [&] { return f.parser.asked == 3; });
    CHECK(f.sessions.busy() >= 1);
    f.sessions.stop_all();
    CHECK(f.lease.use_count() == 1);
}
