#include "builtin/proxy_receiver.h"

#include "parsing.h"
#include "peers.h"

#include <optional>
#include <vector>

using namespace inetd;
using namespace inetd::test;
using namespace std::chrono_literals;

namespace {

struct Fixture {
    // `most`: for a header.
    explicit Fixture(Duration most = 1h) : limit(most) {}

    Connection start() {
        Connection connection = tcp_connection();
        start(std::move(connection.server), connection.peer);
        return connection;
    }
    void start(Fd server, const SocketAddress& balancer = {}) {
        receiver.start({.fd = std::move(server),
                        .balancer = balancer,
                        .peer = {},
                        .local = {},
                        .lease = lease,
                        .arrived = [this](ProxyReceiver::Arrival a) { arrival = std::move(a); },
                        .failed = [this](const SocketAddress&,
                                         ProxyReceiver::Fault fault) { faults.push_back(fault); }});
    }

    Duration limit;
    std::shared_ptr<int> lease = std::make_shared<int>(0);
    std::optional<ProxyReceiver::Arrival> arrival;
    std::vector<ProxyReceiver::Fault> faults;
    EventLoop loop;
    Parser parser{loop};
    ProxyReceiver receiver{loop, parser.asker(), limit};
};

constexpr std::string_view kLine = "PROXY TCP4 192.0.2.1 198.51.100.2 4711 80\r\n";

} // namespace

TEST_CASE("proxy receiver: byte for byte, and not one too many") {
    Fixture f;
    const Connection c = f.start();
    for (const char byte : kLine.substr(0, kLine.size() - 1)) {
        say(c.client, {&byte, 1});
        f.loop.round(1ms);
        CHECK_FALSE(f.arrival);
    }
    say(c.client, "\nGET /");
    rounds_until(f.loop, [&] { return f.arrival.has_value(); });
    CHECK(f.arrival->peer.to_string() == "192.0.2.1:4711");
    CHECK(f.arrival->local.to_string() == "198.51.100.2:80");
    CHECK(f.arrival->balancer == c.peer);
    CHECK(f.receiver.count() == 0);
    std::string rest;
    CHECK(read_some(f.arrival->fd, rest));
    CHECK(rest == "GET /");
}

TEST_CASE("proxy receiver: a balancer may speak for itself") {
    Fixture f;
    const Connection c = f.start();
    say(c.client, "PROXY UNKNOWN\r\n");
    rounds_until(f.loop, [&] { return f.arrival.has_value(); });
    CHECK(f.arrival->peer == c.peer);
    CHECK(f.arrival->local.family() == AF_UNSPEC);
}

TEST_CASE("proxy receiver: what is no header, too long or too late is closed") {
    Fixture f(100ms);
    const Connection stranger = f.start();
    say(stranger.client, "GET / HTTP/1.0\r\n\r\n");
    const Connection talker = f.start();
    say(talker.client, "PROXY UNKNOWN " + std::string(100'000, 'x'));
    rounds_until(f.loop, [&] { return f.faults.size() == 2; });
    CHECK(f.faults == std::vector(2, ProxyReceiver::Fault::bad_header));
    const Connection silent = f.start();
    say(silent.client, kLine.substr(0, 20));
    rounds_until(f.loop, [&] { return f.faults.size() == 3; });
    CHECK(f.faults[2] == ProxyReceiver::Fault::timed_out);
    Connection probe = f.start();
    probe.client.reset();
    rounds_until(f.loop, [&] { return f.receiver.count() == 0; });
    CHECK(f.faults.size() == 3);
    CHECK_FALSE(f.arrival);
    CHECK(f.lease.use_count() == 1);
}

TEST_CASE("proxy receiver: while the parser is asked nothing is read, and the time goes on") {
    Fixture f(1s);
    f.parser.silent = true;
    const Connection c = f.start();
    say(c.client, kLine.substr(0, 20));
    rounds_until(f.loop, [&] { return f.parser.asked == 1; });
    say(c.client, kLine.substr(20));
    rounds_until(f.loop, [&] { return f.receiver.count() == 0; });
    CHECK(f.faults == std::vector{ProxyReceiver::Fault::timed_out});
    CHECK(f.parser.asked == 1);
    CHECK(f.lease.use_count() == 1);
}

TEST_CASE("proxy receiver: without the parser the connection ends") {
    Fixture f;
    f.parser.fails = true;
    const Connection c = f.start();
    say(c.client, kLine);
    rounds_until(f.loop, [&] { return f.receiver.count() == 0; });
    CHECK(f.faults == std::vector{ProxyReceiver::Fault::bad_header});
    CHECK_FALSE(f.arrival);
    CHECK(f.lease.use_count() == 1);
}

TEST_CASE("proxy receiver: a balancer that has sent all and gone is served") {
    Fixture f;
    Connection c = unix_connection();
    f.start(std::move(c.server));
    say(c.client, std::string(kLine) + "hello");
    c.client.reset();
    rounds_until(f.loop, [&] { return f.arrival.has_value(); });
    std::string rest;
    CHECK(read_some(f.arrival->fd, rest));
    CHECK(rest == "hello");
}
