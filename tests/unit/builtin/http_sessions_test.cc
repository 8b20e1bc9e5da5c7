#include "builtin/http_sessions.h"

#include "parsing.h"
#include "peers.h"

#include <vector>

using namespace inetd;
using namespace inetd::test;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t kMostHeld = 7'000'000;

struct Fixture {
    // `most`: for a request.
    explicit Fixture(Duration most = 1h) : limit(most) {}

    Connection start(Connection connection = tcp_connection(),
                     std::chrono::milliseconds idle_timeout = 1min,
                     std::chrono::milliseconds session_timeout = 0s) {
        auto config = std::make_shared<ServiceConfig>();
        config->builtin = Builtin::metrics;
        own_terms(*config).idle_timeout = idle_timeout;
        own_terms(*config).session_timeout = session_timeout;
        sessions.start(config, std::move(connection.server), connection.peer, lease);
        return connection;
    }
    void say_in_pieces(const Fd& client, std::string_view text) {
        for (const char byte : text) {
            say(client, {&byte, 1});
            loop.round(1ms);
        }
    }
    // Of an answer: the status and the body.
    std::string next_answer(const Fd& client, bool has_body = true) {
        std::size_t end = std::string::npos;
        std::size_t size = 0;
        rounds_until(loop, [&] {
            read_some(client, got);
            end = got.find("\r\n\r\n");
            if (end == std::string::npos) return false;
            size = std::stoul(got.substr(got.find("Content-Length: ") + 16));
            if (!has_body) size = 0;
            return got.size() >= end + 4 + size;
        });
        const std::string status = got.substr(9, 3);
        const bool open = got.find("Connection: keep-alive\r\n") < end;
        const std::string body = got.substr(end + 4, size);
        got.erase(0, end + 4 + size);
        return status + (open ? " open " : " ") + body;
    }

    Duration limit;
    std::shared_ptr<int> lease = std::make_shared<int>(0);
    std::string got;
    unsigned asked = 0;
    std::vector<std::string> paths;
    bool stays = true;
    Duration takes{};
    std::string big;
    std::vector<SessionEnd> ends;
    EventLoop loop;
    Parser parser{loop};
    HttpSessions sessions{
        loop,
        parser.asker(),
        {.document = [this](const HttpRequest& request) -> std::optional<HttpDocument> {
             ++asked;
             paths.push_back(request.path);
             for (const TimePoint end = Clock::now() + takes; Clock::now() < end;) {
             }
             if (request.path == "/big") return HttpDocument{"text/plain", big};
             if (request.path != "/") return std::nullopt;
             return HttpDocument{"text/plain", "hello", "X-Test: yes\r\n"};
         },
         .keeps_open = [this] { return stays; },
         .ended =
             [this](const SessionEnd& end) {
                 CHECK(end.lease == lease);
                 ends.push_back(end);
                 ends.back().lease.reset();
             }},
        limit,
        kMostHeld};
};

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

} // namespace

TEST_CASE("http: a connection stays for further requests") {
    Fixture f;
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
        Fixture f;
        const Connection c = f.start();
        say(c.client, one.request);
        CHECK(f.next_answer(c.client) == one.answer);
        CHECK(read_to_end(f.loop, c.client).empty());
        CHECK(f.ends.size() == 1);
    }
}

TEST_CASE("http: requests in pieces and requests in one") {
    Fixture f;
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
    Fixture f;
    const Connection c = f.start();
    say(c.client, std::string(kGet) + std::string(kGet) + std::string(kGet));
    for (unsigned asked = 1; asked <= 3; ++asked) {
        rounds_until(f.loop, [&] { return f.asked >= asked; });
        CHECK(f.asked == asked);
    }
}

TEST_CASE("http: dear documents leave time for others") {
    Fixture f;
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
    Fixture f;
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

TEST_CASE("http: no connection for ever") {
    Fixture f;
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
    Fixture f;
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

TEST_CASE("http: a request that comes too slowly or is too long") {
    Fixture f(1s);
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
    Fixture f(200ms);
    const Connection c = f.start();
    say(c.client, std::string(kGet) + "GET / HT");
    CHECK(f.next_answer(c.client) == "200 open hello");
    CHECK(f.next_answer(c.client) == "408 408 Request Timeout\n");
}

TEST_CASE("http: who does not read costs one answer and is dropped") {
    Fixture f;
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
    Fixture f;
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
    Fixture f;
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

TEST_CASE("http: a large answer comes whole") {
    Fixture f;
    f.big = noise(3'000'000);
    const Connection c = f.start(tcp_connection(8192));
    const std::string get = "GET /big HTTP/1.1\r\nHost: x\r\n\r\n";
    say(c.client, get + get);
    CHECK(f.next_answer(c.client) == "200 open " + f.big);
    CHECK(f.next_answer(c.client) == "200 open " + f.big);
}

TEST_CASE("http: idle clients and long sessions are closed") {
    Fixture f;
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

TEST_CASE("http: the parser is asked about a line and a head, however they come") {
    Fixture f;
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
    Fixture f;
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
    Fixture f(1s);
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
