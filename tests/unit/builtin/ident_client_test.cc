#include "builtin/ident_client.h"

#include "parsing.h"
#include "peers.h"

using namespace inetd;
using namespace inetd::test;
using namespace std::chrono_literals;

static std::string user_of(std::string_view line) {
    return parse_ident_answer(line, {6193, 23}).value_or("none");
}

TEST_CASE("ident: the user of an answer") {
    CHECK(user_of("6193, 23 : USERID : UNIX : stjohns") == "stjohns");
    CHECK(user_of("6193,23:USERID:OTHER:x") == "x");
    CHECK(user_of(" 6193 , 23 :USERID: UNIX , US-ASCII :  Joe: the \x1b one ") ==
          "Joe: the \x1b one");
    CHECK(user_of("6193,23:USERID:UNIX:" + std::string(512, 'u')) == std::string(512, 'u'));
    for (const std::string& line :
         {std::string(), std::string(":"), std::string(":::"), std::string("6193,23"),
          std::string("6193,23:USERID:UNIX"), std::string("6193,23:USERID:UNIX:"),
          std::string("6193,23:USERID:UNIX: \t "), std::string("6193,23:userid:UNIX:joe"),
          std::string("6193,23:ERROR:NO-USER"), std::string("6193,23:ERROR:HIDDEN-USER:joe"),
          std::string("6193,24:USERID:UNIX:joe"), std::string("23,6193:USERID:UNIX:joe"),
          std::string(",:USERID:UNIX:joe"), std::string("6193,23:USERID:UNIX:a\0b", 22),
          "6193,23:USERID:UNIX:" + std::string(513, 'u')})
        CHECK(user_of(line) == "none");
}

namespace {

// An ident server of one connection, and the client that asks it.
struct Fixture {
    Fixture() {
        REQUIRE(listen(listener.get(), 100) == 0);
        local = *SocketAddress::parse_ip("127.0.0.1", 23);
        peer = *SocketAddress::parse_ip("127.0.0.1", 6193);
    }
    void ask() {
        client.ask(local, peer, [this](const std::string& said) { user = said; });
    }
    Fd accept_one() {
        Fd fd;
        rounds_until(loop, [&] {
            fd.reset(accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
            return static_cast<bool>(fd);
        });
        return fd;
    }
    // What is asked is read before the answer is given.
    std::string read_question(const Fd& fd) {
        std::string text;
        rounds_until(loop, [&] {
            std::array<char, 100> bytes;
            const ssize_t got = recv(fd.get(), bytes.data(), bytes.size(), 0);
            if (got > 0) text.append(bytes.data(), static_cast<std::size_t>(got));
            return text.ends_with('\n');
        });
        return text;
    }
    void until_done() {
        rounds_until(loop, [&] { return client.count() == 0; });
    }

    EventLoop loop;
    Fd listener = bound_socket("127.0.0.1", SOCK_STREAM);
    Parser parser{loop};
    IdentClient client{loop, parser.asker(), 5s,
                       static_cast<std::uint16_t>(name_of(listener).port())};
    SocketAddress local;
    SocketAddress peer;
    std::string user = "nobody said";
};

} // namespace

TEST_CASE("ident client: a question and its answer") {
    Fixture f;
    f.ask();
    CHECK(f.client.count() == 1);
    const Fd server = f.accept_one();
    CHECK(f.read_question(server) == "6193 , 23\r\n");
    say(server, "6193, 23 : USERID : ");
    f.loop.round(1ms);
    say(server, "UNIX : joe\r\nand more");
    f.until_done();
    CHECK(f.user == "joe");
}

TEST_CASE("ident client: mapped addresses are those of IPv4") {
    Fixture f;
    f.peer = *SocketAddress::parse_ip("::ffff:127.0.0.1", 6193);
    f.local = *SocketAddress::parse_ip("::ffff:127.0.0.1", 23);
    f.ask();
    CHECK(f.read_question(f.accept_one()) == "6193 , 23\r\n");
}

TEST_CASE("ident client: answers that are none") {
    for (const std::string& answer :
         {std::string("6193,24:USERID:UNIX:joe\n"), std::string("\n"), std::string(5000, 'x'),
          "6193,23:USERID:UNIX:" + std::string(900, 'u') + "\n",
          "6193,23:USERID:UNIX:joe" + std::string(1000, ' ') + "\n"}) {
        Fixture f;
        f.ask();
        const Fd server = f.accept_one();
        f.read_question(server);
        say(server, answer);
        f.until_done();
        CHECK(f.user == "nobody said");
    }
}

TEST_CASE("ident client: a server that goes, or is not there") {
    Fixture f;
    f.ask();
    Fd server = f.accept_one();
    f.read_question(server);
    say(server, "6193,23:USERID:UNIX:joe"); // a line has an end
    server.reset();
    f.until_done();
    f.listener.reset();
    f.ask();
    f.until_done();
    CHECK(f.user == "nobody said");
}

TEST_CASE("ident client: one that says nothing is not waited for") {
    Fixture f;
    IdentClient hasty(f.loop, f.parser.asker(), 2ms,
                      static_cast<std::uint16_t>(name_of(f.listener).port()));
    hasty.ask(f.local, f.peer, [&](const std::string& said) { f.user = said; });
    rounds_until(f.loop, [&] { return hasty.count() == 0; });
    CHECK(f.user == "nobody said");
}

TEST_CASE("ident client: bounded in number, and never about itself") {
    Fixture f;
    f.local.set_port(static_cast<std::uint16_t>(name_of(f.listener).port()));
    f.ask();
    CHECK(f.client.count() == 0);
    f.local.set_port(23);
    for (std::size_t i = 0; i < IdentClient::kMost + 10; ++i)
        f.ask();
    CHECK(f.client.count() == IdentClient::kMost);
}

TEST_CASE("ident client: addresses that are not ours or not of one kind") {
    Fixture f;
    f.local = *SocketAddress::parse_ip("192.0.2.1", 23);
    f.ask();
    f.local = *SocketAddress::parse_ip("::1", 23);
    f.ask();
    f.local = SocketAddress();
    f.ask();
    CHECK(f.client.count() == 0);
}

TEST_CASE("ident client: without the parser there is no answer") {
    Fixture f;
    f.parser.fails = true;
    f.ask();
    const Fd server = f.accept_one();
    f.read_question(server);
    say(server, "6193, 23 : USERID : UNIX : joe\r\n");
    f.until_done();
    CHECK(f.parser.asked == 1);
    CHECK(f.user == "nobody said");
}
