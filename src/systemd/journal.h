#pragma once

#include "log/log.h"
#include "log/log_socket.h"

#include <memory>
#include <string>
#include <string_view>

namespace inetd {

// Appends one field as the journal's native protocol has it: "NAME=value\n", or where the value is
// not one line, the name, the length in 64 bits and the value.
void append_journal_field(std::string& out, std::string_view name, std::string_view value);
// The fields of an entry that are its own: MESSAGE, PRIORITY, SERVICE, MESSAGE_ID, ...
void append_journal_entry(std::string& out, const log::Entry& entry);

// Structured entries by https://systemd.io/JOURNAL_NATIVE_PROTOCOL/ over a socket of our own: the
// sd_journal_sendv(3) of libsystemd waits while the journal does not read, and with it every
// service would.
class JournalSink final : public log::Sink {
  public:
    static constexpr std::string_view kSocket = "/run/systemd/journal/socket";

    // Error: there is no journal. `facility` as of syslog(3).
    static Result<std::unique_ptr<log::Sink>> create(int facility, std::string_view path = kSocket);
    void write(const log::Entry& entry) override;
    log::Rest flush() override;

  private:
    JournalSink(int facility, std::string_view path);
    log::LogSocket socket_;
    std::string common_; // what all entries begin with
    std::string datagram_;
};

} // namespace inetd
