#include "session_house.h"

#include <algorithm>
#include <array>
#include <sys/resource.h>
#include <vector>

using namespace inetd;
using namespace inetd::test;
using namespace std::chrono_literals;
using Reason = SessionEnd::Reason;

TEST_CASE("sessions that never rest take turns") {
    House house;
    Connection first = tcp_connection();
    Connection second = tcp_connection();
    Connection third = tcp_connection();
    house.start(Builtin::chargen, first);
    house.start(Builtin::chargen, second);
    house.start(Builtin::echo, third);
    say(third.client, "x");
    std::string a;
    std::string b;
    std::string c;
    rounds_until(house.loop, [&] {
        read_some(first.client, a);
        read_some(second.client, b);
        read_some(third.client, c);
        return a.size() > 1'000'000;
    });
    CHECK(b.size() > 100'000);
    CHECK(c == "x");
}

TEST_CASE(
    "daytime: a client who stays after the answer stays no longer than the service lets him") {
    House house;
    std::string order;
    const auto lease = [&](char name) {
        return std::shared_ptr<char>(new char(name), [&order](const char* gone) {
            order += *gone;
            delete gone;
        });
    };
    auto patient = std::make_shared<ServiceConfig>();
    patient->builtin = Builtin::daytime;
    auto whole = std::make_shared<ServiceConfig>(*patient);
    own_terms(*whole).session_timeout = 40ms;
    auto idle = std::make_shared<ServiceConfig>(*patient);
    own_terms(*idle).idle_timeout = 20ms;
    std::array<Connection, 3> connections{tcp_connection(), tcp_connection(), tcp_connection()};
    house.sessions.start(patient, std::move(connections[0].server), {}, lease('p'));
    house.sessions.start(whole, std::move(connections[1].server), {}, lease('w'));
    house.sessions.start(idle, std::move(connections[2].server), {}, lease('i'));
    CHECK(house.sessions.count() == 3);
    rounds_until(house.loop, [&] { return house.sessions.count() == 0; });
    CHECK(order == "iwp");
}

TEST_CASE("a reset is an ordinary end") {
    House house;
    Connection connection = tcp_connection();
    house.start(Builtin::echo, connection);
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    setsockopt(connection.client.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    connection.client.reset();
    house.rounds_until_end();
    CHECK(house.ends[0].reason == Reason::eof);
    CHECK(house.ends[0].error_code == ECONNRESET);
}

TEST_CASE("an idle session is closed") {
    House house(5ms);
    SUBCASE("that never spoke") {
        Connection connection = tcp_connection();
        house.start(Builtin::echo, connection);
        CHECK(read_to_end(house.loop, connection.client).empty());
    }
    SUBCASE("that never reads") {
        Connection connection = tcp_connection(8192);
        house.start(Builtin::chargen, connection);
        house.rounds_until_end();
    }
    REQUIRE(house.ends.size() == 1);
    CHECK(house.ends[0].reason == Reason::idle);
    CHECK(house.ends[0].lasted >= 5ms);
    CHECK(house.sessions.count() == 0);
}

TEST_CASE("each service has its own idle time-out, and 0 is none") {
    House house;
    Connection never = unix_connection();
    Connection late = unix_connection();
    Connection soon = unix_connection();
    house.start(Builtin::echo, 0ms, never);
    house.start(Builtin::echo, 1h, late);
    house.start(Builtin::discard, 5ms, soon);
    CHECK(house.sessions.count() == 3);
    house.rounds_until_end();
    REQUIRE(house.ends.size() == 1);
    CHECK(house.ends[0].service->builtin == Builtin::discard);
    CHECK(house.sessions.count() == 2);
    house.sessions.stop_all();
    CHECK(house.ends.size() == 3);
    CHECK(house.sessions.count() == 0);
}

TEST_CASE("the peer's name survives in the report") {
    House house;
    const auto name = SocketAddress::unix_path("@inetd-unit-test-of-a-rather-long-peer-name");
    REQUIRE(name);
    Connection connection;
    const Fd listener(socket(AF_UNIX, SOCK_STREAM, 0));
    const sockaddr_un nameless{.sun_family = AF_UNIX, .sun_path = {}};
    const auto* generic = reinterpret_cast<const sockaddr*>(&nameless);
    REQUIRE(bind(listener.get(), generic, sizeof(sa_family_t)) == 0); // autobind, unix(7)
    REQUIRE(listen(listener.get(), 1) == 0);
    connection.client.reset(socket(AF_UNIX, SOCK_STREAM, 0));
    REQUIRE(bind(connection.client.get(), name->data(), name->size()) == 0);
    const SocketAddress address = name_of(listener);
    REQUIRE(connect(connection.client.get(), address.data(), address.size()) == 0);
    connection.server.reset(accept(listener.get(), nullptr, nullptr));
    connection.peer = *name;
    house.start(Builtin::echo, connection);
    connection.client.reset();
    house.rounds_until_end();
    CHECK(house.ends[0].peer == *name);
}

TEST_CASE("a thousand sessions stop at once") {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < 2100) {
        MESSAGE("SKIP: needs 2100 descriptors");
        return;
    }
    House house;
    auto lease = std::make_shared<int>(0);
    std::vector<Fd> clients;
    for (int i = 0; i < 1000; ++i) {
        Connection connection = unix_connection();
        house.start(Builtin::echo, connection, lease);
        clients.push_back(std::move(connection.client));
    }
    CHECK(house.sessions.count() == 1000);
    CHECK(lease.use_count() == 1001);
    house.sessions.stop_all();
    CHECK(house.sessions.count() == 0);
    CHECK(lease.use_count() == 1);
    REQUIRE(house.ends.size() == 1000);
    CHECK(std::ranges::all_of(house.ends,
                              [](const auto& end) { return end.reason == Reason::stopped; }));
    char byte = 0;
    CHECK(recv(clients.back().get(), &byte, 1, 0) == 0);
}

TEST_CASE("the handler of an end may start, stop and destroy") {
    EventLoop loop;
    auto sessions = std::make_unique<Sessions>(loop);
    Connection first = unix_connection();
    Connection second = unix_connection();
    Connection third = unix_connection();
    int ends = 0;
    const auto start = [&](Connection& connection) {
        sessions->start(service_of(Builtin::echo), std::move(connection.server), {}, nullptr);
    };
    start(first);
    start(second);
    SUBCASE("destroyed by the end of one") {
        sessions->on_end([&](const SessionEnd&) {
            ++ends;
            sessions.reset();
        });
        first.client.reset();
        second.client.reset();
        rounds_until(loop, [&] { return !sessions; });
        loop.round(0ms);
        CHECK(ends == 1);
    }
    SUBCASE("destroyed while all are stopped") {
        sessions->on_end([&](const SessionEnd&) {
            ++ends;
            sessions.reset();
        });
        sessions->stop_all();
        CHECK(ends == 1);
    }
    SUBCASE("all stopped by the end of one") {
        sessions->on_end([&](const SessionEnd&) {
            if (++ends == 1) sessions->stop_all();
        });
        first.client.reset();
        rounds_until(loop, [&] { return sessions->count() == 0; });
        CHECK(ends == 2);
    }
    SUBCASE("another started when all are stopped") {
        sessions->on_end([&](const SessionEnd&) {
            if (++ends == 1) start(third);
        });
        sessions->stop_all();
        CHECK(ends == 2);
        CHECK(sessions->count() == 1);
    }
}
