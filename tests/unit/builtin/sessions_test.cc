#include "builtin/sessions.h"
#include "peers.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <filesystem>
#include <sys/resource.h>
#include <vector>

using namespace inetd;
using namespace inetd::test;
using namespace std::chrono_literals;
using Reason = SessionEnd::Reason;

namespace {
struct House {
    EventLoop loop;
    Sessions sessions;
    std::vector<SessionEnd> ends;
    std::chrono::milliseconds idle;

    explicit House(std::chrono::milliseconds idle_timeout = 1min)
        : sessions(loop), idle(idle_timeout) {
        sessions.on_end([this](const SessionEnd& end) {
            ends.push_back(end);
            ends.back().lease.reset();
        });
    }
    void start(Builtin builtin, Connection& connection, std::shared_ptr<void> lease = nullptr) {
        start(builtin, idle, connection, std::move(lease));
    }
    void start(Builtin builtin, std::chrono::milliseconds limit, Connection& connection,
               std::shared_ptr<void> lease = nullptr) {
        sessions.start(service_of(builtin, limit), std::move(connection.server), connection.peer,
                       std::move(lease));
    }
    void rounds_until_end() {
        rounds_until(loop, [this] { return !ends.empty(); });
    }
};

void send_all(House& house, const Fd& fd, std::string_view text) {
    rounds_until(house.loop, [&] {
        const ssize_t sent = send(fd.get(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent > 0) text.remove_prefix(static_cast<std::size_t>(sent));
        return text.empty();
    });
}

std::ptrdiff_t descriptors() {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return std::distance(begin(all), end(all));
}

char expected_chargen(std::size_t i) {
    const std::size_t column = i % 74;
    if (column >= 72) return column == 72 ? '\r' : '\n';
    return static_cast<char>(' ' + (i / 74 + column) % 95);
}
} // namespace

TEST_CASE("echo: everything comes back, also what was sent before the half-close") {
    House house;
    Connection connection;
    SUBCASE("tcp") {
        connection = tcp_connection();
    }
    SUBCASE("unix") {
        connection = unix_connection();
    }
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

TEST_CASE("discard takes everything and says nothing") {
    House house;
    Connection connection;
    SUBCASE("tcp") {
        connection = tcp_connection();
    }
    SUBCASE("unix") {
        connection = unix_connection();
    }
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

namespace {
// As an exec leaves them: the descriptors are there, everything else is gone.
std::vector<SessionState> states_for_another(const Sessions& sessions) {
    std::vector<SessionState> states = sessions.states();
    for (SessionState& state : states)
        state.fd = dup(state.fd);
    return states;
}
} // namespace

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

TEST_CASE("daytime and time answer and close, whatever the client has sent") {
    House house;
    Connection connection;
    SUBCASE("tcp") {
        connection = tcp_connection();
    }
    SUBCASE("unix") {
        connection = unix_connection();
    }
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
