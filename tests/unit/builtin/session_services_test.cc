#include "session_house.h"

#include <ctime>

using namespace inetd;
using namespace inetd::test;
using namespace std::chrono_literals;
using Reason = SessionEnd::Reason;

namespace {
char expected_chargen(std::size_t i) {
    const std::size_t column = i % 74;
    if (column >= 72) return column == 72 ? '\r' : '\n';
    return static_cast<char>(' ' + (i / 74 + column) % 95);
}
} // namespace

TEST_CASE("discard takes everything and says nothing") {
    House house;
    Connection connection = either_stream();
    house.start(Builtin::discard, connection);
    send_all(house, connection.client, noise(5'000'000));
    shutdown(connection.client.get(), SHUT_WR);
    CHECK(read_to_end(house.loop, connection.client).empty());
    CHECK(house.ends.at(0).bytes_in == 5'000'000);
    CHECK(house.ends.at(0).bytes_out == 0);
}

TEST_CASE("chargen: the pattern goes on exactly over short writes and odd reads") {
    House house;
    Connection connection = tcp_connection(8192);
    house.start(Builtin::chargen, connection);
    shutdown(connection.client.get(), SHUT_WR); // only its own half: the data goes on
    std::string text;
    std::size_t size = 1;
    rounds_until(house.loop, [&] {
        read_some(connection.client, text, size);
        size = size * 7 % 20011 + 1;
        return text.size() > 1'000'000;
    });
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < text.size(); ++i)
        wrong += text[i] != expected_chargen(i);
    CHECK(wrong == 0);
    CHECK(house.sessions.count() == 1);
    connection.client.reset();
    house.rounds_until_end();
    CHECK(house.ends[0].reason == Reason::eof);
    CHECK(house.ends[0].bytes_out >= text.size());
}

TEST_CASE("chargen goes on in another process without a character too many or missing") {
    auto before = std::make_unique<House>();
    Connection connection = tcp_connection(8192);
    before->start(Builtin::chargen, connection);
    std::string text;
    rounds_until(before->loop, [&] {
        read_some(connection.client, text, 4099);
        return text.size() > 200'000;
    });
    const auto states = states_for_another(before->sessions);
    before.reset();
    House after;
    REQUIRE(states.size() == 1);
    after.sessions.resume(states[0], nullptr);
    rounds_until(after.loop, [&] {
        read_some(connection.client, text, 4099);
        return text.size() > 1'000'000;
    });
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < text.size(); ++i)
        wrong += text[i] != expected_chargen(i);
    CHECK(wrong == 0);
    connection.client.reset();
    after.rounds_until_end();
    CHECK(after.ends[0].bytes_out >= text.size());
}

TEST_CASE("chargen throws input away") {
    House house;
    Connection connection = tcp_connection();
    house.start(Builtin::chargen, connection);
    std::string waste;
    std::string_view rest = "anything";
    say(connection.client, rest);
    rounds_until(house.loop, [&] {
        read_some(connection.client, waste);
        return waste.size() > 500'000;
    });
    connection.client.reset();
    house.rounds_until_end();
    CHECK(house.ends[0].bytes_in == rest.size());
}

TEST_CASE("chargen sends a line a packet") {
    House house;
    Connection connection = unix_connection(SOCK_SEQPACKET);
    house.start(Builtin::chargen, connection);
    std::string text;
    rounds_until(house.loop, [&] {
        const std::size_t before = text.size();
        read_some(connection.client, text);
        CHECK((text.size() - before) % 74 == 0);
        return text.size() >= 100 * 74;
    });
    CHECK(text[99 * 74] == expected_chargen(99 * 74));
}

TEST_CASE("daytime and time answer and close, whatever the client has sent") {
    House house;
    Connection connection = either_stream();
    SUBCASE("seqpacket") {
        connection = unix_connection(SOCK_SEQPACKET);
    }
    say(connection.client, "GET / HTTP/1.0\r\n\r\n");
    const Fd client = std::move(connection.client);
    Connection other = tcp_connection();
    const std::time_t before = std::time(nullptr);
    house.start(Builtin::daytime, connection);
    house.start(Builtin::time, other);

    const std::string daytime = read_to_end(house.loop, client);
    REQUIRE(daytime.size() == 26);
    std::tm parts{};
    CHECK(strptime(daytime.c_str(), "%a %b %e %H:%M:%S %Y\r\n", &parts) != nullptr);
    parts.tm_isdst = -1;
    const std::time_t told = mktime(&parts);
    CHECK(told >= before);
    CHECK(told <= std::time(nullptr));

    const std::string time = read_to_end(house.loop, other.client);
    REQUIRE(time.size() == 4);
    std::uint32_t seconds = 0;
    for (const char c : time)
        seconds = (seconds << 8) | static_cast<unsigned char>(c);
    CHECK(seconds - 2'208'988'800U >= static_cast<std::uint32_t>(before));
    CHECK(seconds - 2'208'988'800U <= static_cast<std::uint32_t>(std::time(nullptr)));
    REQUIRE(house.ends.size() == 2);
    CHECK(house.ends[0].bytes_out == 26);
    CHECK(house.ends[1].bytes_out == 4);
}
