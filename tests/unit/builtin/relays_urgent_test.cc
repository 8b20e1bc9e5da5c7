#include "relays_house.h"

using namespace inetd;
using namespace inetd::test;
using namespace std::chrono_literals;

TEST_CASE("relays: urgent data comes through in its place, and what is behind it") {
    Relayed f;
    say(f.client, "before");
    REQUIRE(send(f.client.get(), "!", 1, MSG_OOB) == 1);
    say(f.client, "behind");
    CHECK(f.read(f.target, 6) == "before");
    char urgent = 0;
    rounds_until(f.loop, [&] { return recv(f.target.get(), &urgent, 1, MSG_OOB) == 1; });
    CHECK(urgent == '!');
    CHECK(f.read(f.target, 6) == "behind");
    // Alone, and just before the end.
    set_option(f.client, SO_OOBINLINE, 1);
    REQUIRE(send(f.target.get(), "?", 1, MSG_OOB) == 1);
    CHECK(f.read(f.client, 1) == "?");
    REQUIRE(send(f.client.get(), "12!", 3, MSG_OOB) == 3);
    say(f.client, "end");
    shutdown(f.client.get(), SHUT_WR);
    set_option(f.target, SO_OOBINLINE, 1);
    CHECK(read_to_end(f.loop, f.target) == "12!end");
    shutdown(f.target.get(), SHUT_WR);
    rounds_until(f.loop, [&] { return !f.ends.empty(); });
    CHECK(f.ends[0].bytes_in == 19);
    CHECK(f.ends[0].bytes_out == 1);
}

TEST_CASE("relays: to a unix socket an urgent byte is one like any other") {
    RelayHouse f;
    SocketAddress address;
    const Fd listener = listening_unix(16, address);
    const Connection c = f.start({address});
    const Fd target = f.accepted(listener);
    REQUIRE(send(c.client.get(), "12!", 3, MSG_OOB) == 3);
    say(c.client, "34");
    shutdown(c.client.get(), SHUT_WR);
    CHECK(read_to_end(f.loop, target) == "12!34");
}

TEST_CASE("relays: urgent data comes through those that go on in another process") {
    RelayHouse f;
    Connection c = tcp_connection();
    Connection t = tcp_connection();
    auto config = std::make_shared<ServiceConfig>();
    config->builtin = Builtin::redirect;
    f.relays.resume({.service = config,
                     .peer = c.peer,
                     .started = Clock::now(),
                     .client = c.server.release(),
                     .target = t.server.release()},
                    nullptr);
    set_option(c.client, SO_OOBINLINE, 1);
    set_option(t.client, SO_OOBINLINE, 1);
    REQUIRE(send(c.client.get(), "12!", 3, MSG_OOB) == 3);
    say(c.client, "34");
    CHECK(f.read(t.client, 5) == "12!34");
    REQUIRE(send(t.client.get(), "?", 1, MSG_OOB) == 1);
    CHECK(f.read(c.client, 1) == "?");
}

TEST_CASE("relays: an urgent byte waits for a side that does not read") {
    Relayed f;
    std::size_t sent = 0;
    rounds_until(f.loop, [&, quiet = 0]() mutable {
        const std::string block(65536, 'x');
        const ssize_t size = send(f.client.get(), block.data(), block.size(), MSG_DONTWAIT);
        quiet = size < 0 ? quiet + 1 : 0;
        if (size > 0) sent += static_cast<std::size_t>(size);
        return quiet > 20;
    });
    set_option(f.target, SO_OOBINLINE, 1);
    std::string text;
    rounds_until(f.loop, [&] {
        REQUIRE(read_some(f.target, text));
        return send(f.client.get(), "!", 1, MSG_OOB | MSG_DONTWAIT) == 1;
    });
    say(f.client, "z");
    rounds_until(f.loop, [&] {
        REQUIRE(read_some(f.target, text));
        return text.ends_with('z');
    });
    CHECK(text == std::string(sent, 'x') + "!z");
    CHECK(f.relays.pipes().lent() == 0);
}
