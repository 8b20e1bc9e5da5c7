#pragma once

#include "log/log.h"
#include "log/log_socket.h"
#include "log/stamp.h"

#include <string>

namespace inetd::log {

// The messages of syslog(3) with LOG_PID, sent to /dev/log without ever waiting for its reader, as
// syslog(3) itself does.
class SyslogSink final : public Sink {
  public:
    // `facility` as of syslog(3): LOG_DAEMON, ...
    explicit SyslogSink(int facility, std::string_view path = "/dev/log");
    void write(const Entry& entry) override;
    Rest flush() override;

  private:
    LogSocket socket_;
    int facility_;
    Stamp stamp_{"%b %e %T"};
    std::string datagram_;
};

} // namespace inetd::log
