#pragma once

#include <cstdint>
#include <optional>

namespace inetd {

// What stands at the head of a listening socket's queue, as far as the kernel lets one see it
// without taking it; nothing if the queue is empty. To be compared with an earlier look.
struct QueueHead {
    std::uint64_t datagram = 0; // identifies the first datagram; 0 for sockets with connections
    std::uint32_t waiting = 0;  // connections that wait, where the kernel tells (TCP); else 1

    // Whether nobody can have taken anything between the look at `before` and this one.
    [[nodiscard]] bool untouched_since(const QueueHead& before) const {
        return datagram != 0 ? datagram == before.datagram : waiting >= before.waiting;
    }
};

[[nodiscard]] std::optional<QueueHead> look_at_queue(int fd);

} // namespace inetd
