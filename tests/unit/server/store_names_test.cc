#include "server/store_names.h"

#include <algorithm>
#include <doctest/doctest.h>
#include <string>

using namespace inetd;

static ListenSpec tcp(const SocketAddress& address, bool both = false) {
    return {address, SOCK_STREAM, IPPROTO_TCP, both};
}

TEST_CASE("a socket is called by its address, type and protocol") {
    CHECK(socket_name(tcp(*SocketAddress::parse_ip("127.0.0.1", 79))) ==
          "own=stream.6=127.0.0.1%3A79");
    CHECK(socket_key(tcp(SocketAddress::any_v6(7), true)) == "stream.6.46=%5B%3A%3A%5D%3A7");
    CHECK(socket_key(tcp(SocketAddress::any_v6(7))) !=
          socket_key(tcp(SocketAddress::any_v6(7), true)));
    CHECK(is_socket_name("own=stream.6=x"));
    CHECK_FALSE(is_socket_name("daytime"));
}

TEST_CASE("the name of a server leads to the key of its socket") {
    const std::string key = socket_key(tcp(SocketAddress::any_v4(1)));
    CHECK(key_of_server(server_name(key)) == key);
    CHECK_FALSE(key_of_server(socket_name(tcp(SocketAddress::any_v4(1)))));
    CHECK_FALSE(key_of_server(server_name("")));
}

TEST_CASE("a name has nothing that the store does not take, and two sockets two names") {
    const std::string odd(100, '\x01');
    const ListenSpec one{*SocketAddress::unix_path("/" + odd + "a"), SOCK_STREAM, 0, false};
    const ListenSpec two{*SocketAddress::unix_path("/" + odd + "b"), SOCK_STREAM, 0, false};
    CHECK(socket_key(one) != socket_key(two));
    for (const std::string& name : {socket_name(one), server_name(socket_key(one))}) {
        CHECK(name.size() <= 255);
        CHECK(std::all_of(name.begin(), name.end(),
                          [](char c) { return c > ' ' && c < 127 && c != ':'; }));
    }
}
