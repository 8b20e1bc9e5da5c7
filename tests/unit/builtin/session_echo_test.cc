#include "session_house.h"

#include <array>
#include <filesystem>

using namespace inetd;
using namespace inetd::test;
using namespace std::chrono_literals;
using Reason = SessionEnd::Reason;

namespace {
std::ptrdiff_t descriptors() {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return std::distance(begin(all), end(all));
}
} // namespace

TEST_CASE("echo: everything comes back, also what was sent before the half-close") {
    House house;
    Connection connection = either_stream();
    auto lease = std::make_shared<int>(0);
    const SocketAddress peer = connection.peer;
    house.start(Builtin::echo, connection, lease);
    say(connection.client, "first");
    std::string text;
    rounds_until(house.loop, [&] {
        read_some(connection.client, text);
        return text == "first";
    });
    CHECK(lease.use_count() == 2);
    say(connection.client, "second");
    shutdown(connection.client.get(), SHUT_WR);
    CHECK(read_to_end(house.loop, connection.client) == "second");
    REQUIRE(house.ends.size() == 1);
    CHECK(house.ends[0].reason == Reason::eof);
    CHECK(house.ends[0].error_code == 0);
    CHECK(house.ends[0].bytes_in == 11);
    CHECK(house.ends[0].bytes_out == 11);
    CHECK(house.ends[0].peer == peer);
    CHECK(house.ends[0].service->builtin == Builtin::echo);
    CHECK(lease.use_count() == 1);
    CHECK(house.sessions.count() == 0);
}

TEST_CASE("echo: a slow reader costs one buffer at most, and loses nothing") {
    House house;
    Connection connection = tcp_connection(16384);
    house.start(Builtin::echo, connection);
    const std::string text = noise(10'000'000);
    std::string_view rest = text;
    std::size_t most = 0;
    const auto push = [&] {
        const ssize_t sent =
            send(connection.client.get(), rest.data(), rest.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent > 0) rest.remove_prefix(static_cast<std::size_t>(sent));
        most = std::max(most, house.sessions.buffered());
    };
    rounds_until(house.loop, [&] {
        push();
        return house.sessions.buffered() > 0;
    });
    std::string back;
    rounds_until(house.loop, [&] {
        push();
        read_some(connection.client, back, 50'001);
        return back.size() == text.size();
    });
    CHECK((back == text));
    CHECK(most <= Sessions::kScratch);
    CHECK(house.sessions.buffered() == 0);

    shutdown(connection.client.get(), SHUT_WR);
    house.rounds_until_end();
    CHECK(house.ends[0].bytes_out == text.size());
}

TEST_CASE("echo: much at once, little and urgent data come back in order, each client's own") {
    House house;
    std::array<Connection, 2> connections{tcp_connection(65536), tcp_connection(65536)};
    std::array<std::string, 2> texts;
    std::array<std::string, 2> back;
    for (Connection& connection : connections)
        house.start(Builtin::echo, connection);
    const auto take = [&] {
        for (std::size_t i = 0; i < 2; ++i)
            read_some(connections[i].client, back[i], 30'011);
    };
    const auto put = [&](std::size_t i, std::string_view text, int flags = 0) {
        texts[i] += text;
        rounds_until(house.loop, [&] {
            const ssize_t sent = send(connections[i].client.get(), text.data(), text.size(),
                                      flags | MSG_DONTWAIT | MSG_NOSIGNAL);
            if (sent > 0) text.remove_prefix(static_cast<std::size_t>(sent));
            take();
            return text.empty();
        });
    };
    const auto before = descriptors();
    for (int turn = 0; turn < 20; ++turn) {
        put(0, noise(300'000));
        const std::string other = noise(turn % 2 == 0 ? 1'000 : 500'000);
        put(1, std::string(other.rbegin(), other.rend()));
        put(0, "little");
    }
    rounds_until(house.loop, [&] {
        take();
        return back[0].size() == texts[0].size() && back[1].size() == texts[1].size();
    });
    CHECK(descriptors() == before + 2); // the pipe
    // tcp(7): the urgent byte is not among the others, and recv(2) skips it.
    put(1, noise(300'000));
    put(1, "!", MSG_OOB);
    texts[1].pop_back();
    put(1, noise(300'000));
    for (std::size_t i = 0; i < 2; ++i) {
        shutdown(connections[i].client.get(), SHUT_WR);
        back[i] += read_to_end(house.loop, connections[i].client);
        CHECK((back[i] == texts[i]));
    }
    rounds_until(house.loop, [&] { return house.ends.size() == 2; });
    CHECK(descriptors() == before - 2); // nor the ends of the connections
}

TEST_CASE("echo: what a short write left is still sent after the half-close") {
    House house;
    Connection connection = unix_connection();
    set_option(connection.server, SO_SNDBUF, 4096);
    house.start(Builtin::echo, connection);
    const std::string text = noise(100'000);
    send_all(house, connection.client, text);
    shutdown(connection.client.get(), SHUT_WR);
    rounds_until(house.loop, [&] { return house.sessions.buffered() > 0; });
    CHECK((read_to_end(house.loop, connection.client) == text));
    CHECK(house.sessions.buffered() == 0);
}

TEST_CASE("echo keeps the boundaries of packets, empty ones among them") {
    House house;
    Connection connection = unix_connection(SOCK_SEQPACKET);
    house.start(Builtin::echo, connection);
    for (const std::string_view packet : {"one", "", "three"})
        say(connection.client, packet);
    std::vector<std::string> packets;
    rounds_until(house.loop, [&] {
        std::array<char, 64> bytes{};
        const ssize_t got = recv(connection.client.get(), bytes.data(), bytes.size(), 0);
        if (got >= 0) packets.emplace_back(bytes.data(), static_cast<std::size_t>(got));
        return packets.size() == 3;
    });
    CHECK(packets == std::vector<std::string>{"one", "", "three"});
    CHECK(house.sessions.count() == 1);
    connection.client.reset();
    house.rounds_until_end();
    CHECK(house.ends[0].reason == Reason::eof);
}

TEST_CASE("a packet that is larger than the buffer is an error, not half an echo") {
    House house;
    Connection connection = unix_connection(SOCK_SEQPACKET);
    const std::string packet(Sessions::kScratch + 1, 'x');
    const int room = 4 * static_cast<int>(packet.size());
    if (setsockopt(connection.client.get(), SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room) < 0) {
        MESSAGE("SKIP: SO_SNDBUFFORCE needs CAP_NET_ADMIN");
        return;
    }
    house.start(Builtin::echo, connection);
    say(connection.client, packet);
    house.rounds_until_end();
    CHECK(house.ends[0].reason == Reason::error);
    CHECK(house.ends[0].error_code == EMSGSIZE);
}

TEST_CASE("echo goes on in another process with what it had not sent back") {
    auto before = std::make_unique<House>();
    Connection connection = tcp_connection(4096);
    before->start(Builtin::echo, connection);
    const std::string words = noise(400'000);
    send_all(*before, connection.client, std::string_view(words).substr(0, 200'000));
    rounds_until(before->loop, [&] { return before->sessions.buffered() > 0; });
    const auto states = states_for_another(before->sessions);
    before.reset();
    House after;
    REQUIRE(states.size() == 1);
    auto lease = std::make_shared<int>(0);
    after.sessions.resume(states[0], lease);
    CHECK(after.sessions.buffered() > 0);
    std::string_view rest = std::string_view(words).substr(200'000);
    std::string text;
    rounds_until(after.loop, [&] {
        const ssize_t sent =
            send(connection.client.get(), rest.data(), rest.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent > 0) rest.remove_prefix(static_cast<std::size_t>(sent));
        read_some(connection.client, text);
        return rest.empty();
    });
    shutdown(connection.client.get(), SHUT_WR);
    text += read_to_end(after.loop, connection.client);
    CHECK((text == words));
    REQUIRE(after.ends.size() == 1);
    CHECK(after.ends[0].bytes_in == words.size());
    CHECK(after.ends[0].bytes_out == words.size());
    CHECK(lease.use_count() == 1);
    CHECK(after.sessions.buffered() == 0);
}
