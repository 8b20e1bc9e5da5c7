#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace inetd {

// What stands in a listening socket's queue, as far as the kernel lets one see it without taking
// it. To be compared with an earlier look.
struct QueueHead {
    std::uint64_t datagram = 0; // identifies the first datagram, where that was asked for
    std::uint64_t likeness = 0; // others have another one, mostly; 0 for sockets with connections
    std::uint32_t waiting = 0;  // connections that wait, where the kernel tells; else 1
    // Those of them that live and can be told apart, sorted; nothing where the kernel does not say.
    std::optional<std::vector<std::uint64_t>> connections;

    // Whether comparing can tell, whatever has come meanwhile.
    [[nodiscard]] bool exact() const { return datagram != 0 || connections; }
    // Whether nobody can have taken anything between the look at `before` and this one. A client
    // that has gone meanwhile counts as taken, and so does a datagram that was not identified then.
    [[nodiscard]] bool untouched_since(const QueueHead& before) const;
};

// Nothing if the queue is empty. `type` is the socket's: SOCK_DGRAM, SOCK_STREAM, ... A datagram is
// identified if it looks like the first of `before`: that takes longer.
[[nodiscard]] std::optional<QueueHead>
look_at_queue(int fd, int type, const std::optional<QueueHead>& before = std::nullopt);

} // namespace inetd
