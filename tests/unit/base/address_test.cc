#include "base/address.h"

#include "base/fd.h"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <doctest/doctest.h>
#include <string>
#include <type_traits>
#include <unistd.h>
#include <utility>
#include <vector>

using namespace inetd;

static_assert(std::is_nothrow_move_constructible_v<SocketAddress>);
static_assert(std::is_nothrow_move_assignable_v<SocketAddress>);
// It travels between processes.
static_assert(std::is_trivially_copyable_v<AddressRoom>);

namespace {

// One of each kind, all of them different, on both sides of where the heap begins.
std::vector<SocketAddress> one_of_each() {
    return {SocketAddress(),
            *SocketAddress::parse_ip("192.0.2.1", 79),
            *SocketAddress::parse_ip("2001:db8::7", 79),
            SocketAddress::vsock(3, 79),
            *SocketAddress::unix_path("/a"),
            *SocketAddress::unix_path("/" + std::string(24, 'x')),
            *SocketAddress::unix_path("/" + std::string(25, 'x')),
            *SocketAddress::unix_path("/" + std::string(106, 'x')),
            *SocketAddress::unix_path("@hidden"),
            *SocketAddress::unix_path("@" + std::string(107, 'x'))};
}

} // namespace

TEST_CASE("an IP address prints as it was written") {
    CHECK(SocketAddress::parse_ip("192.0.2.1", 79)->to_string() == "192.0.2.1:79");
    CHECK(SocketAddress::parse_ip("::1", 79)->to_string() == "[::1]:79");
    CHECK(SocketAddress::parse_ip("2001:db8::7", 0)->host() == "2001:db8::7");
    for (const char* host : {"0.0.0.0", "9.10.99.100", "199.200.249.250", "255.255.255.255"})
        CHECK(SocketAddress::parse_ip(host, 0)->host() == host);
    CHECK(SocketAddress::parse_ip("fe80::1%lo", 1)->to_string() == "[fe80::1%lo]:1");
    for (const char* bad : {"", "localhost", "1.2.3", "1.2.3.4.5", "::g", "fe80::1%nosuchif"})
        CHECK_MESSAGE(!SocketAddress::parse_ip(bad, 1), bad);
}

TEST_CASE("kinds of addresses") {
    CHECK(SocketAddress::any_v4(7).is_wildcard());
    CHECK(SocketAddress::any_v6(7).is_wildcard());
    CHECK(SocketAddress::parse_ip("127.9.9.9", 1)->is_loopback());
    CHECK(SocketAddress::parse_ip("::ffff:127.0.0.1", 1)->is_loopback());
    CHECK(SocketAddress::parse_ip("224.0.0.1", 1)->is_multicast());
    CHECK(SocketAddress::parse_ip("ff02::1", 1)->is_multicast());
    CHECK(!SocketAddress::parse_ip("192.0.2.1", 1)->is_loopback());
}

TEST_CASE("a mapped address becomes the IPv4 address that it stands for") {
    CHECK(SocketAddress::parse_ip("::ffff:192.0.2.7", 99)->unmapped().to_string() ==
          "192.0.2.7:99");
    CHECK(SocketAddress::parse_ip("2001:db8::1", 99)->unmapped().to_string() == "[2001:db8::1]:99");
}

TEST_CASE("unix addresses") {
    CHECK(SocketAddress::unix_path("/run/x.sock")->to_string() == "/run/x.sock");
    CHECK(SocketAddress::unix_path("/run/x.sock")->unix_file() == "/run/x.sock");
    CHECK(SocketAddress::unix_path("@hidden")->to_string() == "@hidden");
    CHECK(SocketAddress::unix_path("@hidden")->unix_file().empty());
    CHECK(SocketAddress::unix_path(std::string(107, 'x')));
    CHECK(!SocketAddress::unix_path(std::string(108, 'x')));
    CHECK(SocketAddress::unix_path("@" + std::string(107, 'x')));
    CHECK(!SocketAddress::unix_path("@" + std::string(108, 'x')));
    CHECK(*SocketAddress::unix_path("/a") == *SocketAddress::unix_path("/a"));
    CHECK_FALSE(*SocketAddress::unix_path("/a") == *SocketAddress::unix_path("/b"));
}

TEST_CASE("an address is a value") {
    const std::vector<SocketAddress> all = one_of_each();
    for (const SocketAddress& one : all) {
        const std::string text = one.to_string();
        INFO(text);
        SocketAddress copy(one);
        CHECK(copy == one);
        CHECK(copy.to_string() == text);
        CHECK((copy.size() == 0 || std::memcmp(copy.data(), one.data(), one.size()) == 0));

        const SocketAddress moved(std::move(copy));
        CHECK(moved == one);
        copy = moved; // NOLINT(bugprone-use-after-move): it takes a new value
        CHECK(copy == one);
        SocketAddress& itself = copy;
        copy = itself;
        CHECK(copy == one);
        copy = std::move(itself);
        CHECK(copy.to_string() == text);
        const SocketAddress again(one.data(), one.size());
        CHECK(again == one);
    }
}

TEST_CASE("an address takes the value of any other") {
    const std::vector<SocketAddress> all = one_of_each();
    for (const SocketAddress& from : all) {
        for (const SocketAddress& to : all) {
            INFO(from.to_string(), " becomes ", to.to_string());
            SocketAddress copied = from;
            copied = to;
            CHECK(copied == to);
            CHECK(copied.family() == to.family());
            SocketAddress source = to;
            SocketAddress moved = from;
            moved = std::move(source);
            CHECK(moved == to);
            CHECK(moved.to_string() == to.to_string());
        }
    }
}

TEST_CASE("addresses have an order, and are equal to themselves alone") {
    const std::vector<SocketAddress> all = one_of_each();
    for (std::size_t i = 0; i < all.size(); ++i) {
        for (std::size_t j = 0; j < all.size(); ++j) {
            INFO(all[i].to_string(), " and ", all[j].to_string());
            CHECK((all[i] == all[j]) == (i == j));
            CHECK(int{all[i] < all[j]} + int{all[j] < all[i]} == int{i != j});
        }
    }
    CHECK_FALSE(*SocketAddress::parse_ip("192.0.2.1", 79) ==
                *SocketAddress::parse_ip("192.0.2.1", 80));
    // Of one length, and different in the last byte alone.
    const auto a = SocketAddress::unix_path("/" + std::string(60, 'x') + "a");
    const auto b = SocketAddress::unix_path("/" + std::string(60, 'x') + "b");
    CHECK(*a < *b);
    CHECK_FALSE(*b < *a);
}

TEST_CASE("what a system call leaves of a unix address") {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    CHECK(SocketAddress(&address, sizeof(sa_family_t)).to_string() == "unnamed");
    CHECK(SocketAddress(&address, sizeof(sa_family_t)).family() == AF_UNIX);
    CHECK(SocketAddress(&address, 0).family() == AF_UNSPEC);
    CHECK(SocketAddress(nullptr, 0).to_string() == "unknown");
    // unix(7): of an abstract name each byte counts, also those after a zero.
    std::memcpy(address.sun_path, "\0a\0b", 4);
    const SocketAddress abstract(&address, offsetof(sockaddr_un, sun_path) + 4);
    CHECK(abstract.host() == std::string("@a\0b", 4));
    CHECK(abstract.unix_file().empty());
    CHECK_FALSE(abstract == SocketAddress(&address, offsetof(sockaddr_un, sun_path) + 2));
}

TEST_CASE("what is longer than any address is cut") {
    std::array<char, 200> bytes{};
    bytes.fill('x');
    const sa_family_t family = AF_UNIX;
    std::memcpy(bytes.data(), &family, sizeof family);
    const SocketAddress address(bytes.data(), bytes.size());
    CHECK(address.size() == SocketAddress::kLongest);
    CHECK(address.unix_file() == std::string(sizeof(sockaddr_un::sun_path), 'x'));
    // Linux counts a final zero that does not fit in any more.
    AddressRoom room{};
    std::memcpy(&room.bytes, bytes.data(), sizeof room.bytes);
    room.size = sizeof room.bytes + 1;
    CHECK(room.address() == address);
}

TEST_CASE("an address of IP that somebody made too long is still one") {
    std::array<char, 64> bytes{};
    const SocketAddress plain = *SocketAddress::parse_ip("192.0.2.1", 79);
    std::memcpy(bytes.data(), plain.data(), plain.size());
    SocketAddress address(bytes.data(), bytes.size());
    CHECK(address.to_string() == "192.0.2.1:79");
    address.set_port(80);
    CHECK(address.port() == 80);
    CHECK(address.v4().sin_addr.s_addr == plain.v4().sin_addr.s_addr);
}

TEST_CASE("the addresses of a connection") {
    std::array<int, 2> fds{};
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()) == 0);
    const Fd one(fds[0]);
    const Fd other(fds[1]);
    CHECK(SocketAddress::bound_to(one.get())->to_string() == "unnamed");
    CHECK(SocketAddress::peer_of(one.get())->to_string() == "unnamed");
    const Fd alone(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(alone);
    CHECK(SocketAddress::bound_to(alone.get())->is_wildcard());
    CHECK(!SocketAddress::peer_of(alone.get()));
    CHECK(errno == ENOTCONN);
    const auto path =
        SocketAddress::unix_path("@inetd-" + std::string(70, 'x') + std::to_string(alone.get()) +
                                 "." + std::to_string(getpid()));
    const Fd named(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(bind(named.get(), path->data(), path->size()) == 0);
    CHECK(SocketAddress::bound_to(named.get()) == path);
}
