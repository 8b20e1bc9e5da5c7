#pragma once

#include "base/address.h"
#include "base/fd.h"
#include "base/result.h"
#include "log/log.h"

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>

namespace inetd::log {

// The datagram socket of a log daemon. The functions of libc and libsystemd wait while that daemon
// does not read; this keeps what is not taken, up to a bound, in order, and counts the rest.
class LogSocket {
  public:
    explicit LogSocket(std::string_view path);

    // Error: nobody is there now. Messages are kept all the same, and it is tried again.
    Result<void> connect();
    void send(std::string_view datagram);
    Rest flush();
    // How many were dropped since this was called last.
    unsigned long take_lost();

  private:
    enum class Outcome { sent, later, hopeless };
    Outcome send_now(std::string_view datagram);
    Outcome send_in_memory(std::string_view datagram);

    SocketAddress address_;
    Fd fd_;
    bool connected_ = false;
    std::deque<std::string> kept_;
    std::size_t kept_bytes_ = 0;
    unsigned long lost_ = 0;
};

} // namespace inetd::log
