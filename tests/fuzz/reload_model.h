#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

// Configurations made of a fuzzer's bytes, and what a daemon must listen on with them: said by the
// same few rules that inetd.conf(5) has, without any code of the daemon.
namespace model {

// A listening socket as /proc/net shows it, but for `dual`, which it does not show.
struct Socket {
    std::string table;   // "tcp6", "unix"
    std::string address; // "0100007F:2329", "/tmp/x"
    int type = 0;        // SOCK_STREAM, ...
    bool dual = false;   // an IPv6 socket that takes IPv4, too

    friend auto operator<=>(const Socket&, const Socket&) = default;
};

struct Configuration {
    std::string text;
    // Whether it echoes.
    std::map<Socket, bool> sockets;
    bool valid = true; // a reload must take it; a start skips what is wrong
};

// One to six of them. Paths of unix sockets are in `directory`.
[[nodiscard]] std::vector<Configuration> configurations(const std::uint8_t* data, std::size_t size,
                                                        const std::string& directory);

} // namespace model
