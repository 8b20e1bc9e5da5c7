#include "builtin/datagrams.h"
#include "builtin/responders.h"
#include "peers.h"

#include <ctime>
#include <poll.h>
#include <string>
#include <unistd.h>

using namespace inetd;
using namespace inetd::test;

namespace {
Fd service_socket(const char* host, bool dual_stack = false) {
    const auto address = SocketAddress::parse_ip(host, 0).value();
    Fd fd(socket(address.family(), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (address.family() == AF_INET6) {
        const int only = dual_stack ? 0 : 1;
        setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
    }
    REQUIRE(prepare_datagrams(fd.get(), address.family()));
    REQUIRE(bind(fd.get(), address.data(), address.size()) == 0);
    return fd;
}

void send_to(const Fd& fd, std::string_view text, const SocketAddress& to) {
    REQUIRE(sendto(fd.get(), text.data(), text.size(), 0, to.data(), to.size()) ==
            static_cast<ssize_t>(text.size()));
}

void await_input(const Fd& fd) {
    pollfd state{.fd = fd.get(), .events = POLLIN, .revents = 0};
    REQUIRE(poll(&state, 1, 10'000) == 1);
}

struct Datagram {
    std::string text;
    SocketAddress from;
};

Datagram receive(const Fd& fd) {
    await_input(fd);
    Datagram datagram{.text = std::string(70'000, '\0'), .from = {}};
    AddressRoom sender;
    const ssize_t got = recvfrom(fd.get(), datagram.text.data(), datagram.text.size(), 0,
                                 sender.data(), &sender.size);
    REQUIRE(got >= 0);
    datagram.from = sender.address();
    datagram.text.resize(static_cast<std::size_t>(got));
    return datagram;
}

DatagramStats answer(const Fd& fd, Builtin builtin) {
    await_input(fd);
    return answer_datagrams(fd.get(), builtin, static_cast<std::uint16_t>(name_of(fd).port()));
}

SocketAddress at(const char* host, const Fd& service) {
    return SocketAddress::parse_ip(host, static_cast<std::uint16_t>(name_of(service).port()))
        .value();
}
} // namespace

TEST_CASE("an answer leaves from the address that was asked") {
    const Fd v4 = service_socket("0.0.0.0");
    const Fd v6 = service_socket("::");
    const Fd both = service_socket("::", true);
    const Fd client = bound_socket("127.0.0.1", SOCK_DGRAM);
    const Fd client6 = bound_socket("::1", SOCK_DGRAM);

    send_to(client, "four", at("127.0.0.2", v4));
    CHECK(answer(v4, Builtin::echo).answered == 1);
    Datagram reply = receive(client);
    CHECK(reply.text == "four");
    CHECK(reply.from == at("127.0.0.2", v4));

    send_to(client6, "six", at("::1", v6));
    CHECK(answer(v6, Builtin::echo).answered == 1);
    reply = receive(client6);
    CHECK(reply.text == "six");
    CHECK(reply.from == at("::1", v6));

    send_to(client, "mapped", at("127.0.0.3", both));
    CHECK(answer(both, Builtin::echo).answered == 1);
    reply = receive(client);
    CHECK(reply.text == "mapped");
    CHECK(reply.from == at("127.0.0.3", both));
}

TEST_CASE("each service answers in its own way") {
    const Fd service = service_socket("127.0.0.1");
    const Fd client = bound_socket("127.0.0.1", SOCK_DGRAM);
    const SocketAddress address = name_of(service);
    const auto ask = [&](Builtin builtin) {
        send_to(client, "whatever", address);
        CHECK(answer(service, builtin).answered == 1);
        return receive(client).text;
    };
    const std::time_t before = std::time(nullptr);
    const std::string daytime = ask(Builtin::daytime);
    CHECK(daytime >= daytime_text(before).substr(0, 4));
    CHECK(daytime.size() == 26);
    CHECK(ask(Builtin::time).size() == 4);
    bool various = false;
    for (int i = 0; i < 20; ++i) {
        const std::string pattern = ask(Builtin::chargen);
        CHECK(pattern.size() <= kChargenDatagram);
        CHECK(chargen_block().starts_with(pattern));
        various = various || pattern.size() != ask(Builtin::chargen).size();
    }
    CHECK(various);

    send_to(client, "nothing", address);
    const DatagramStats stats = answer(service, Builtin::discard);
    CHECK(stats.received == 1);
    CHECK(stats.answered == 0);
    CHECK(stats.failed == 0);
    CHECK(answer_datagrams(service.get(), Builtin::echo, 0).received == 0);
}

TEST_CASE("datagrams of every size come back whole") {
    const Fd service = service_socket("127.0.0.1");
    const Fd client = bound_socket("127.0.0.1", SOCK_DGRAM);
    for (const std::size_t size : {0U, 1U, 1500U, 65507U}) {
        const std::string text = noise(size);
        send_to(client, text, name_of(service));
        CHECK(answer(service, Builtin::echo).answered == 1);
        CHECK((receive(client).text == text));
    }
}

TEST_CASE("a burst is answered in bounded batches") {
    const Fd service = service_socket("127.0.0.1");
    const Fd client = bound_socket("127.0.0.1", SOCK_DGRAM);
    for (int i = 0; i < 50; ++i)
        send_to(client, std::to_string(i), name_of(service));
    CHECK(answer(service, Builtin::echo).received == 32);
    CHECK(answer(service, Builtin::echo).received == 18);
    for (int i = 0; i < 50; ++i)
        CHECK(receive(client).text == std::to_string(i));
}

TEST_CASE("what may be reflected is dropped, and the rest of its batch is answered") {
    const Fd service = service_socket("127.0.0.1");
    const auto port = static_cast<std::uint16_t>(name_of(service).port());
    const Fd twin = bound_socket("127.0.0.2", SOCK_DGRAM, port);
    const Fd client = bound_socket("127.0.0.1", SOCK_DGRAM);
    send_to(client, "one", name_of(service));
    send_to(twin, "loop", name_of(service));
    send_to(client, "two", name_of(service));
    const DatagramStats stats = answer(service, Builtin::echo);
    CHECK(stats.received == 3);
    CHECK(stats.answered == 2);
    CHECK(stats.reflected == 1);
    REQUIRE(stats.last_refused);
    CHECK(*stats.last_refused == name_of(twin));
    CHECK(receive(client).text == "one");
    CHECK(receive(client).text == "two");
}

TEST_CASE("who is not admitted gets no answer, and the rest of the batch does") {
    const Fd service = service_socket("127.0.0.1");
    const auto port = static_cast<std::uint16_t>(name_of(service).port());
    const Fd stranger = bound_socket("127.0.0.2", SOCK_DGRAM);
    const Fd client = bound_socket("127.0.0.1", SOCK_DGRAM);
    unsigned asked = 0;
    const auto admits = [&](const SocketAddress& sender) {
        ++asked;
        return sender == name_of(client);
    };
    send_to(client, "one", name_of(service));
    send_to(stranger, "two", name_of(service));
    send_to(client, "three", name_of(service));
    await_input(service);
    const DatagramStats stats = answer_datagrams(service.get(), Builtin::echo, port, admits);
    CHECK(stats.received == 3);
    CHECK(stats.answered == 2);
    CHECK(stats.reflected == 0);
    CHECK(receive(client).text == "one");
    CHECK(receive(client).text == "three");
    send_to(stranger, "four", name_of(service));
    await_input(service);
    CHECK(answer_datagrams(service.get(), Builtin::discard, port, admits).received == 1);
    CHECK(asked == 4);
}

TEST_CASE("a datagram to a broadcast address is dropped") {
    const Fd service = service_socket("0.0.0.0");
    const Fd client = bound_socket("127.0.0.1", SOCK_DGRAM);
    set_option(client, SO_BROADCAST, 1);
    send_to(client, "all of you", at("127.255.255.255", service));
    const DatagramStats stats = answer(service, Builtin::echo);
    CHECK(stats.reflected == 1);
    CHECK(stats.answered == 0);

    const Fd both = service_socket("::", true);
    send_to(client, "all of you", at("127.255.255.255", both));
    CHECK(answer(both, Builtin::echo).reflected == 1);
}

TEST_CASE("unix datagrams are answered where there is a name to answer to") {
    const std::string own = "@inetd-unit-test-" + std::to_string(getpid()) + "-";
    const auto bound = [](const std::string& name) {
        const SocketAddress address = SocketAddress::unix_path(name).value();
        Fd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        REQUIRE(bind(fd.get(), address.data(), address.size()) == 0);
        return fd;
    };
    const Fd service = bound(own + "service");
    const Fd client = bound(own + "client");
    const Fd nameless(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    REQUIRE(prepare_datagrams(service.get(), AF_UNIX));
    send_to(nameless, "lost", name_of(service));
    send_to(client, "found", name_of(service));
    DatagramStats stats = answer(service, Builtin::echo);
    CHECK(stats.received == 2);
    CHECK(stats.answered == 1);
    CHECK(stats.failed == 1);
    CHECK(receive(client).text == "found");

    send_to(client, std::string(100'000, 'x'), name_of(service));
    stats = answer(service, Builtin::echo);
    CHECK(stats.failed == 1);
    CHECK(stats.error == EMSGSIZE);
}

TEST_CASE("a socket that no datagram can be read from is an error of the call") {
    const DatagramStats stats = answer_datagrams(-1, Builtin::echo, 0);
    CHECK(stats.error == EBADF);
    CHECK(stats.received == 0);
    CHECK_FALSE(prepare_datagrams(-1, AF_INET));
}
