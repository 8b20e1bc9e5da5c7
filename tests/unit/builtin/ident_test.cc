#include "builtin/ident.h"

#include "builtin/ident_line.h"
#include "parsing.h"
#include "peers.h"

using namespace inetd;
using namespace inetd::test;
using namespace std::chrono_literals;

static std::string parsed(std::string_view line) {
    const auto query = parse_ident_query(line);
    if (!query) return "none";
    return std::to_string(query->local) + "," + std::to_string(query->remote) +
           (query->valid() ? "" : " invalid");
}

TEST_CASE("ident: questions") {
    CHECK(parsed("6193, 23") == "6193,23");
    CHECK(parsed("6193,23") == "6193,23");
    CHECK(parsed(" \t1 , 65535 \t") == "1,65535");
    CHECK(parsed("0 , 23") == "0,23 invalid");
    CHECK(parsed("23 , 65536") == "23,65536 invalid");
    CHECK(parsed("4294967295,1") == "4294967295,1 invalid");
    for (const char* line : {"", ",", "1,", ",1", "1", "1 2", "1,2,3", "-1,2", "1,+2", "0x1,2",
                             "1,2x", "1 1,2", "4294967296,1", "a,b", "1\r,2"})
        CHECK(parsed(line) == "none");
}

TEST_CASE("ident: answers") {
    IdentOptions options{.reveal = IdentOptions::Reveal::nothing,
                         .fallback = "",
                         .system = "UNIX",
                         .names = {{0, "root"}}};
    const IdentQuery query{6193, 23};
    CHECK(ident_answer(query, 0, options) == "6193 , 23 : ERROR : HIDDEN-USER\r\n");
    CHECK(ident_answer(query, {}, options) == "6193 , 23 : ERROR : NO-USER\r\n");
    CHECK(ident_answer({0, 23}, {}, options) == "0 , 23 : ERROR : INVALID-PORT\r\n");
    options.reveal = IdentOptions::Reveal::name;
    CHECK(ident_answer(query, 0, options) == "6193 , 23 : USERID : UNIX : root\r\n");
    CHECK(ident_answer(query, 77, options) == "6193 , 23 : USERID : UNIX : 77\r\n");
    options.reveal = IdentOptions::Reveal::number;
    options.system = "OTHER";
    CHECK(ident_answer(query, 0, options) == "6193 , 23 : USERID : OTHER : 0\r\n");
    options.fallback = "nobody";
    CHECK(ident_answer(query, {}, options) == "6193 , 23 : USERID : OTHER : nobody\r\n");
    CHECK(ident_answer(query, 0, options) == "6193 , 23 : USERID : OTHER : 0\r\n");
    options.reveal = IdentOptions::Reveal::nothing;
    CHECK(ident_answer(query, 0, options) == "6193 , 23 : USERID : OTHER : nobody\r\n");
}

namespace {

struct Fixture {
    explicit Fixture(Duration limit = 1h) : timeout(limit) {}

    Connection start() {
        Connection connection = tcp_connection();
        config->builtin = Builtin::auth;
        own_terms(*config).ident = std::make_shared<const IdentOptions>(
            IdentOptions{.reveal = IdentOptions::Reveal::number});
        sessions.start(config, std::move(connection.server), lease);
        return connection;
    }

    Duration timeout;
    std::shared_ptr<ServiceConfig> config = std::make_shared<ServiceConfig>();
    std::shared_ptr<int> lease = std::make_shared<int>(0);
    std::size_t asked = 0;
    EventLoop loop;
    Parser parser{loop};
    IdentSessions sessions{loop, parser.asker(),
                           [this](int, std::uint16_t local, std::uint16_t remote) {
                               ++asked;
                               CHECK(local == 10);
                               CHECK(remote == 20);
                               return std::optional<uid_t>(7);
                           },
                           timeout};
};

} // namespace

TEST_CASE("ident: one question, in however many pieces, one answer") {
    Fixture f;
    const Connection c = f.start();
    say(c.client, "10 ");
    f.loop.round(10ms);
    say(c.client, ", 20\r\n30 , 40\r\n");
    CHECK(read_to_end(f.loop, c.client) == "10 , 20 : USERID : UNIX : 7\r\n");
    CHECK(f.asked == 1);
}

TEST_CASE("ident: a line that is too long, or none, is not answered") {
    Fixture f;
    for (const std::string& line : {std::string(100'000, '1'), "1 , " + std::string(300, '2'),
                                    std::string("GET / HTTP/1.0\r\n")}) {
        const Connection c = f.start();
        say(c.client, line);
        rounds_until(f.loop, [&] { return f.sessions.count() == 0; });
    }
    CHECK(f.asked == 0);
    CHECK(f.lease.use_count() == 1);
}

TEST_CASE("ident: who does not ask in time is closed") {
    const auto closed = [](Fixture& f) {
        const Connection c = f.start();
        say(c.client, "10 , ");
        CHECK(read_to_end(f.loop, c.client).empty());
        CHECK(f.asked == 0);
        CHECK(f.sessions.count() == 0);
    };
    Fixture own(5ms);
    closed(own);
    Fixture idle;
    own_terms(*idle.config).idle_timeout = 5ms;
    closed(idle);
    Fixture whole;
    own_terms(*whole.config).session_timeout = 5ms;
    closed(whole);
}

TEST_CASE("ident: who stays after the answer stays no longer than his session_timeout") {
    for (const auto timeout : {std::chrono::milliseconds(1h), 50ms}) {
        Fixture f;
        own_terms(*f.config).session_timeout = timeout;
        const Connection c = f.start();
        say(c.client, "10 , 20\r\n");
        CHECK(read_to_end(f.loop, c.client) == "10 , 20 : USERID : UNIX : 7\r\n");
        if (timeout == 1h) {
            CHECK(f.sessions.count() == 1);
            continue;
        }
        rounds_until(f.loop, [&] {
            send(c.client.get(), "x", 1, MSG_NOSIGNAL);
            return f.sessions.count() == 0;
        });
    }
}

TEST_CASE("ident: without the parser nobody is answered, nor kept") {
    Fixture f(200ms);
    f.parser.fails = true;
    const Connection failed = f.start();
    say(failed.client, "10 , 20\r\n");
    CHECK(read_to_end(f.loop, failed.client).empty());
    f.parser.fails = false;
    f.parser.silent = true;
    const Connection late = f.start();
    say(late.client, "10 , 20\r\n");
    CHECK(read_to_end(f.loop, late.client).empty());
    CHECK(f.parser.asked == 2);
    CHECK(f.asked == 0);
    CHECK(f.lease.use_count() == 1);
}
