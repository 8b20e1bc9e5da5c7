#include "builtin/farewell.h"
#include "peers.h"

#include <vector>

using namespace inetd;
using namespace inetd::test;
using namespace std::chrono_literals;

TEST_CASE("last words reach a peer whose input nobody read") {
    EventLoop loop;
    Farewells farewells(loop);
    Connection connection = tcp_connection();
    auto lease = std::make_shared<int>(0);
    say(connection.client, "something that the service never asked for");
    farewells.say(std::move(connection.server), "bye\r\n", lease);
    CHECK(farewells.count() == 1);
    say(connection.client, "and some more");
    CHECK(read_to_end(loop, connection.client) == "bye\r\n");
    CHECK(lease.use_count() == 2); // the connection is still there
    connection.client.reset();
    rounds_until(loop, [&] { return farewells.count() == 0; });
    CHECK(lease.use_count() == 1);
}

TEST_CASE("words larger than the send buffer are sent as the peer reads") {
    EventLoop loop;
    Farewells farewells(loop);
    Connection connection = tcp_connection(4096);
    const std::string words = noise(300'000);
    farewells.say(std::move(connection.server), words, nullptr);
    CHECK(farewells.held() == words.size());
    CHECK((read_to_end(loop, connection.client) == words));
    CHECK(farewells.held() == 0);
}

TEST_CASE("what is held is known whatever becomes of a peer") {
    EventLoop loop;
    Farewells farewells(loop);
    const std::string words = noise(300'000);
    std::vector<Connection> deaf;
    for (std::size_t n = 1; n <= 4; ++n) {
        deaf.push_back(tcp_connection(4096));
        farewells.say(std::move(deaf.back().server), words, nullptr);
        CHECK(farewells.held() == n * words.size());
    }
    farewells.give_up_slowest();
    CHECK(farewells.held() == 3 * words.size());
    deaf.back().client.reset();
    rounds_until(loop, [&] { return farewells.count() == 2; });
    CHECK(farewells.held() == 2 * words.size());
    farewells.clear();
    CHECK(farewells.held() == 0);
}

TEST_CASE("patience ends") {
    EventLoop loop;
    SUBCASE("in time") {
        Farewells farewells(loop, 2ms);
        Connection connection = tcp_connection();
        farewells.say(std::move(connection.server), "bye", nullptr);
        rounds_until(loop, [&] { return farewells.count() == 0; });
    }
    SUBCASE("when the service has less") {
        Farewells farewells(loop, 1h);
        Connection connection = tcp_connection();
        SUBCASE("for a peer that is idle") {
            farewells.say(std::move(connection.server), "bye", nullptr, {.idle = 2ms});
        }
        SUBCASE("for all of it") {
            farewells.say(std::move(connection.server), "bye", nullptr, {.whole = 2ms});
        }
        CHECK(farewells.count() == 1);
        rounds_until(loop, [&] { return farewells.count() == 0; });
    }
    SUBCASE("altogether, with a peer that reads and does not come to the end") {
        Farewells farewells(loop, 1h);
        Connection connection = tcp_connection(4096);
        const std::string words = noise(std::size_t{8} * 1024 * 1024);
        farewells.say(std::move(connection.server), words, nullptr, {.idle = 1h, .whole = 50ms});
        std::string text;
        rounds_until(loop, [&] {
            read_some(connection.client, text, 64);
            return farewells.count() == 0;
        });
        CHECK(text.size() < words.size());
    }
    SUBCASE("in bytes") {
        Farewells farewells(loop);
        Connection connection = unix_connection();
        farewells.say(std::move(connection.server), "bye", nullptr);
        const std::string chatter(4096, 'x');
        rounds_until(loop, [&] {
            send(connection.client.get(), chatter.data(), chatter.size(), MSG_NOSIGNAL);
            return farewells.count() == 0;
        });
    }
    SUBCASE("at once, with a peer that is gone") {
        Farewells farewells(loop);
        Connection connection = unix_connection();
        connection.client.reset();
        farewells.say(std::move(connection.server), "bye", nullptr);
        CHECK(farewells.count() == 0);
    }
}

TEST_CASE("a farewell goes on in another process") {
    EventLoop loop;
    auto before = std::make_unique<Farewells>(loop);
    Connection connection = tcp_connection(4096);
    const std::string words = noise(300'000);
    before->say(std::move(connection.server), words, nullptr);
    std::string text;
    rounds_until(loop, [&] {
        read_some(connection.client, text, 4099);
        return text.size() > 50'000;
    });
    auto states = before->states();
    REQUIRE(states.size() == 1);
    states[0].fd = dup(states[0].fd);
    before.reset();
    Farewells after(loop);
    after.resume(states[0]);
    text += read_to_end(loop, connection.client);
    CHECK((text == words));
}
