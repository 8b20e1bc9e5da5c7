#pragma once

#include "base/address.h"
#include "base/result.h"
#include "config/model.h"

#include <cstdint>
#include <functional>
#include <optional>

namespace inetd {

// What one call of answer_datagrams did; received = answered + reflected + failed + those not
// admitted, except that
// discard answers nothing.
struct DatagramStats {
    unsigned received = 0;
    unsigned answered = 0;
    unsigned reflected = 0; // dropped by may_reflect
    unsigned failed = 0;    // the kernel would not send, or there was nowhere to answer to
    std::optional<SocketAddress> last_refused; // the last source that may_reflect dropped
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;
    int error = 0; // errno of the receiving, or of the last failed sending; 0 if there was none
};

// Asks the kernel to tell to which address each datagram was sent. Call it before bind(2), because
// datagrams that were queued earlier come without. Does nothing for families other than IP.
[[nodiscard]] Result<void> prepare_datagrams(int fd, int family);

// Reads up to 32 datagrams and answers them as `service`: echo, discard, chargen, daytime or time.
// An answer leaves from the address that was asked. Never blocks, whatever the mode of `fd`; what
// cannot be sent at once is dropped, as UDP may. Level-triggered epoll tells if there are more.
// `port`: on which the service listens, for may_reflect; 0 if it has none. `admits`: who is
// answered; empty is everybody. Not re-entrant.
[[nodiscard]] DatagramStats
answer_datagrams(int fd, Builtin service, std::uint16_t port,
                 const std::function<bool(const SocketAddress& sender)>& admits = {});

} // namespace inetd
