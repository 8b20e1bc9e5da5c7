#include "net/queue.h"

#include "base/address.h"
#include "base/fd.h"
#include "net/socket.h"

#include <cstring>
#include <doctest/doctest.h>
#include <functional>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <vector>

using namespace inetd;

namespace {

// Bound to a port, or an abstract name, of the kernel's choice.
Fd bound(int family, const char* host, int type, int protocol = 0) {
    Fd fd(socket(family, type | SOCK_CLOEXEC, protocol));
    if (!fd) return fd;
    if (family == AF_UNIX) {
        const sockaddr address{.sa_family = AF_UNIX, .sa_data = {}};
        REQUIRE(bind(fd.get(), &address, sizeof address.sa_family) == 0);
    } else {
        const auto address = SocketAddress::parse_ip(host, 0);
        REQUIRE(address);
        REQUIRE(bind(fd.get(), address->data(), address->size()) == 0);
    }
    return fd;
}

struct Queue {
    Fd socket;
    std::vector<Fd> clients{};
    int type = SOCK_STREAM;
    int protocol = 0;

    Queue(int family, const char* host, int kind, int number = 0)
        : socket(bound(family, host, kind, number)), type(kind), protocol(number) {
        if (!socket) return;
        if (type != SOCK_DGRAM) REQUIRE(listen(socket.get(), 100) == 0);
        for (int i = 0; i < 3; ++i)
            come();
    }

    void come() {
        const SocketAddress address = own_address(socket.get());
        Fd client(::socket(address.family(), type | SOCK_CLOEXEC, protocol));
        REQUIRE(connect(client.get(), address.data(), address.size()) == 0);
        if (type == SOCK_DGRAM) REQUIRE(send(client.get(), "x", 1, 0) == 1);
        clients.push_back(std::move(client));
    }

    // The server's side of the first client's connection.
    [[nodiscard]] Fd take() const {
        if (type != SOCK_DGRAM) return Fd(accept4(socket.get(), nullptr, nullptr, SOCK_CLOEXEC));
        char byte = 0;
        REQUIRE(recv(socket.get(), &byte, 1, 0) == 1);
        return {};
    }

    [[nodiscard]] QueueHead look() const {
        auto head = look_at_queue(socket.get(), type);
        REQUIRE(head);
        if (type == SOCK_DGRAM) head = look_at_queue(socket.get(), type, head);
        REQUIRE(head);
        CHECK(head->exact());
        return *head;
    }
};

void check(Queue queue) {
    if (!queue.socket) return; // a protocol that this kernel has not
    const QueueHead before = queue.look();
    CHECK(queue.look().untouched_since(before));
    queue.come();
    CHECK(queue.look().untouched_since(before));
    Fd taken = queue.take();
    queue.come();
    const QueueHead after = queue.look();
    CHECK_FALSE(after.untouched_since(before));
    CHECK(queue.look().untouched_since(after));
    // Closed by its server, a TCP connection is without an owner again.
    taken.reset();
    CHECK_FALSE(queue.look().untouched_since(before));
    CHECK(queue.look().untouched_since(after));
    for (int i = 0; i < 4; ++i)
        (void)queue.take();
    CHECK_FALSE(look_at_queue(queue.socket.get(), queue.type));
}

// A reset connection, or a unix one whose client has gone, waits on without an identity.
void check_vanished(Queue queue, const std::function<void(Fd&)>& vanish) {
    const QueueHead before = queue.look();
    vanish(queue.clients[0]);
    const QueueHead after = queue.look();
    CHECK_FALSE(after.untouched_since(before));
    CHECK(queue.look().untouched_since(after));
    (void)queue.take();
    queue.come();
    CHECK_FALSE(queue.look().untouched_since(after));
}

} // namespace

TEST_CASE("what waits is known again, and missed when it was taken") {
    SUBCASE("tcp") {
        check({AF_INET, "127.0.0.1", SOCK_STREAM});
    }
    SUBCASE("tcp, any address") {
        check({AF_INET, "0.0.0.0", SOCK_STREAM});
    }
    SUBCASE("tcp6") {
        check({AF_INET6, "::1", SOCK_STREAM});
    }
    SUBCASE("tcp6, any address") {
        check({AF_INET6, "::", SOCK_STREAM});
    }
    SUBCASE("mptcp") {
        check({AF_INET, "127.0.0.1", SOCK_STREAM, IPPROTO_MPTCP});
    }
    SUBCASE("unix") {
        check({AF_UNIX, "", SOCK_STREAM});
    }
    SUBCASE("unix seqpacket") {
        check({AF_UNIX, "", SOCK_SEQPACKET});
    }
    SUBCASE("udp") {
        check({AF_INET, "127.0.0.1", SOCK_DGRAM});
    }
}

TEST_CASE("both families' clients of a dual-stack socket are known") {
    Queue queue(AF_INET6, "::", SOCK_STREAM);
    const Fd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto port = static_cast<std::uint16_t>(own_address(queue.socket.get()).port());
    const auto address = SocketAddress::parse_ip("127.0.0.1", port);
    REQUIRE(connect(client.get(), address->data(), address->size()) == 0);
    CHECK(queue.look().connections->size() == 4);
}

TEST_CASE("a client that has vanished cannot hide the next that is taken") {
    SUBCASE("tcp, reset")
    check_vanished({AF_INET, "127.0.0.1", SOCK_STREAM}, [](Fd& client) {
        const linger at_once{1, 0};
        REQUIRE(setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
        client.reset();
    });
    SUBCASE("unix") check_vanished({AF_UNIX, "", SOCK_STREAM}, [](Fd& client) { client.reset(); });
}

TEST_CASE("a TCP client that has only closed waits on") {
    Queue queue(AF_INET, "127.0.0.1", SOCK_STREAM);
    const QueueHead before = queue.look();
    queue.clients[0].reset();
    CHECK(queue.look().untouched_since(before));
    const Fd taken = queue.take();
    CHECK_FALSE(queue.look().untouched_since(before));
}

TEST_CASE("without identities only the number counts") {
    const QueueHead before{.waiting = 2, .connections = {}};
    CHECK(QueueHead{.waiting = 3, .connections = {}}.untouched_since(before));
    CHECK_FALSE(QueueHead{.waiting = 1, .connections = {}}.untouched_since(before));
    CHECK_FALSE(before.exact());
}

TEST_CASE("a datagram counts as taken until it is looked at for the second time") {
    const Queue queue(AF_INET, "127.0.0.1", SOCK_DGRAM);
    const auto first = look_at_queue(queue.socket.get(), SOCK_DGRAM);
    const auto second = look_at_queue(queue.socket.get(), SOCK_DGRAM, first);
    const auto third = look_at_queue(queue.socket.get(), SOCK_DGRAM, second);
    REQUIRE((first && second && third));
    CHECK_FALSE(first->exact());
    CHECK_FALSE(second->untouched_since(*first));
    CHECK(third->untouched_since(*second));
    // Its client says the same again.
    (void)queue.take();
    (void)queue.take();
    (void)queue.take();
    REQUIRE(send(queue.clients[0].get(), "x", 1, 0) == 1);
    const auto again = look_at_queue(queue.socket.get(), SOCK_DGRAM, third);
    REQUIRE(again);
    CHECK(again->likeness == third->likeness);
    CHECK_FALSE(again->untouched_since(*third));
}

TEST_CASE("an ICMP message that nobody has taken is no datagram") {
    Fd peer = bound(AF_INET, "127.0.0.1", SOCK_DGRAM);
    const SocketAddress address = own_address(peer.get());
    const Fd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    REQUIRE(connect(fd.get(), address.data(), address.size()) == 0);
    peer.reset();
    REQUIRE(send(fd.get(), "x", 1, 0) == 1);
    pollfd item{fd.get(), POLLERR, 0};
    REQUIRE(poll(&item, 1, 10'000) == 1);
    CHECK_FALSE(look_at_queue(fd.get(), SOCK_DGRAM));
}
