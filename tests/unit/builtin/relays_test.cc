#include "relays_house.h"

using namespace inetd;
using namespace inetd::test;
using namespace std::chrono_literals;

TEST_CASE("relays: both ways, and no pipe at rest") {
    Relayed f;
    say(f.client, "up");
    CHECK(f.read(f.target, 2) == "up");
    say(f.target, "down");
    CHECK(f.read(f.client, 4) == "down");
    CHECK(f.relays.pipes().lent() == 0);
    shutdown(f.client.get(), SHUT_WR);
    CHECK(read_to_end(f.loop, f.target).empty());
    say(f.target, "more");
    CHECK(f.read(f.client, 4) == "more");
    shutdown(f.target.get(), SHUT_WR);
    rounds_until(f.loop, [&] { return !f.ends.empty(); });
    CHECK(f.ends[0].bytes_in == 2);
    CHECK(f.ends[0].bytes_out == 8);
    CHECK(f.ends[0].reason == SessionEnd::Reason::eof);
    CHECK(f.ends[0].error_code == 0);
    CHECK(f.relays.count() == 0);
}

TEST_CASE("relays: addresses are tried in turn") {
    RelayHouse f;
    Fd holder;
    const SocketAddress dead = dead_address(holder);
    const Fd listener = listening();
    const Connection c = f.start({dead, name_of(listener)});
    const Fd target = f.accepted(listener);
    say(target, "here");
    CHECK(f.read(c.client, 4) == "here");
    REQUIRE(f.failures.size() == 1);
    CHECK(f.failures[0] == std::pair(dead, ECONNREFUSED));
}

TEST_CASE("relays: a client whose target cannot be reached is reset") {
    RelayHouse f;
    Fd holder;
    const Connection c = f.start({dead_address(holder), *SocketAddress::unix_path("@inetd-none")});
    rounds_until(f.loop, [&] { return !f.ends.empty(); });
    CHECK(f.ends[0].reason == SessionEnd::Reason::unreachable);
    CHECK(f.ends[0].error_code == ECONNREFUSED);
    CHECK(f.failures.size() == 2);
    char byte = 0;
    CHECK(recv(c.client.get(), &byte, 1, 0) == -1);
    CHECK(errno == ECONNRESET);
}

TEST_CASE("relays: an address that does not answer is given up after the time-out") {
    RelayHouse f({.connect_timeout = 100ms});
    const Fd full = listening(0);
    const SocketAddress address = name_of(full);
    // Its queue takes one; the kernel drops what else comes.
    std::vector<Fd> queue;
    for (int i = 0; i < 3; ++i) {
        queue.emplace_back(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        (void)connect(queue.back().get(), address.data(), address.size());
    }
    const Fd listener = listening();
    const Connection c = f.start({address, name_of(listener)});
    const Fd target = f.accepted(listener);
    REQUIRE(f.failures.size() == 1);
    CHECK(f.failures[0].second == ETIMEDOUT);
}

TEST_CASE("relays: a unix target with a full queue is asked again") {
    RelayHouse f;
    SocketAddress address;
    const Fd listener = listening_unix(0, address);
    const Connection first = f.start({address});
    const Connection second = f.start({address});
    const Connection third = f.start({address});
    CHECK(f.failures.empty());
    for (int i = 0; i < 3; ++i)
        (void)f.accepted(listener);
    CHECK(f.failures.empty());
}

TEST_CASE("relays: what a client sent before it closed arrives while connecting takes its time") {
    RelayHouse f;
    SocketAddress address;
    const Fd listener = listening_unix(0, address);
    Connection blocker = f.start({address});
    Connection waiting = f.start({address});
    waiting.client.reset();
    (void)f.accepted(listener);
    CHECK(read_to_end(f.loop, f.accepted(listener)).empty());
}

TEST_CASE("relays: a side that does not read costs one pipe, and holds up nobody") {
    RelayHouse f;
    const Fd listener = listening();
    const Connection deaf = f.start({name_of(listener)});
    const Fd talker = f.accepted(listener);
    rounds_until(f.loop, [&, quiet = 0]() mutable {
        const auto before = f.relays.pipes().lent();
        fill(talker);
        quiet = before == 1 ? quiet + 1 : 0;
        return quiet > 20;
    });
    const Connection other = f.start({name_of(listener)});
    const Fd target = f.accepted(listener);
    const std::string text = noise(100'000);
    say(other.client, text);
    CHECK(f.read(target, text.size()) == text);
    CHECK(f.relays.pipes().lent() == 1);
    f.relays.stop_all();
    CHECK(f.relays.pipes().lent() == 0);
    CHECK(f.ends.size() == 2);
}

TEST_CASE("relays: who finds no pipe waits for one") {
    RelayHouse f({.most_pipes = 1});
    const Fd listener = listening();
    const Connection deaf = f.start({name_of(listener)});
    const Fd talker = f.accepted(listener);
    rounds_until(f.loop, [&, quiet = 0]() mutable {
        fill(talker);
        quiet = f.relays.pipes().lent() == 1 ? quiet + 1 : 0;
        return quiet > 20;
    });
    const Connection other = f.start({name_of(listener)});
    const Fd target = f.accepted(listener);
    say(other.client, "patience");
    for (int i = 0; i < 20; ++i)
        f.loop.round(1ms);
    std::string text;
    CHECK(read_some(target, text));
    CHECK(text.empty());
    // The deaf one reads at last.
    while (text != "patience") {
        std::string waste;
        REQUIRE(read_some(deaf.client, waste, 1 << 20));
        f.loop.round(1ms);
        REQUIRE(read_some(target, text));
    }
}

TEST_CASE("relays: a reset of one side is a reset of the other") {
    Relayed f;
    say(f.client, "x");
    CHECK(f.read(f.target, 1) == "x");
    set_option(f.client, SO_KEEPALIVE, 1);
    const linger now{.l_onoff = 1, .l_linger = 0};
    REQUIRE(setsockopt(f.client.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now) == 0);
    f.client.reset();
    rounds_until(f.loop, [&] { return !f.ends.empty(); });
    CHECK(f.ends[0].reason == SessionEnd::Reason::eof);
    CHECK(f.ends[0].error_code == ECONNRESET);
    char byte = 0;
    CHECK(recv(f.target.get(), &byte, 1, 0) == -1);
    CHECK(errno == ECONNRESET);
}

TEST_CASE("relays: a unix client that closed does not keep the loop busy") {
    RelayHouse f;
    const Fd listener = listening();
    Connection c = unix_connection();
    auto config = std::make_shared<ServiceConfig>();
    config->builtin = Builtin::redirect;
    own_terms(*config).relay = std::make_shared<const RelayTarget>(
        RelayTarget{.text = "t", .addresses = {name_of(listener)}});
    f.relays.start(config, std::move(c.server), c.peer, nullptr);
    const Fd target = f.accepted(listener);
    const std::string text = noise(150'000);
    say(c.client, text);
    c.client.reset();
    CHECK(read_to_end(f.loop, target) == text);
    CHECK(f.ends.size() == 1);
}

TEST_CASE("relays: idle ones are closed") {
    Relayed f(50ms);
    CHECK(read_to_end(f.loop, f.target).empty());
    CHECK(read_to_end(f.loop, f.client).empty());
    REQUIRE(f.ends.size() == 1);
    CHECK(f.ends[0].reason == SessionEnd::Reason::idle);
}

TEST_CASE("relays: one that waits for a pipe, one half closed, is idle too") {
    RelayHouse f({.most_pipes = 1});
    const Fd listener = listening();
    const Connection c = f.start({name_of(listener)}, 300ms);
    const Fd target = f.accepted(listener);
    shutdown(c.client.get(), SHUT_WR);
    CHECK(read_to_end(f.loop, target).empty());
    const Connection deaf = f.start({name_of(listener)});
    const Fd talker = f.accepted(listener);
    rounds_until(f.loop, [&, quiet = 0]() mutable {
        fill(talker);
        quiet = f.relays.pipes().lent() == 1 ? quiet + 1 : 0;
        return quiet > 20;
    });
    say(target, "x");
    rounds_until(f.loop, [&] {
        fill(talker);
        return !f.ends.empty();
    });
    CHECK(f.ends[0].reason == SessionEnd::Reason::idle);
    CHECK(f.ends[0].bytes_out == 0);
}
