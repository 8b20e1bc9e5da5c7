#include "log/syslog_sink.h"

#include <unistd.h>

namespace inetd::log {

// What the usual daemons take in one piece.
static constexpr std::size_t kMostText = 8000;

SyslogSink::SyslogSink(int facility, std::string_view path) : socket_(path), facility_(facility) {}

void SyslogSink::write(const Entry& entry) {
    datagram_.clear();
    fmt::format_to(std::back_inserter(datagram_), "<{}>{} inetd[{}]: {}",
                   facility_ | static_cast<int>(entry.level), stamp_.now(), getpid(),
                   entry.text.substr(0, kMostText));
    socket_.send(datagram_);
}

Rest SyslogSink::flush() {
    const auto rest = socket_.flush();
    const auto lost = rest == Rest::none ? socket_.take_lost() : 0;
    if (lost != 0) {
        const std::string text = fmt::format("{} messages lost: syslog did not take them", lost);
        write({Level::warning, text, {}});
        return socket_.flush();
    }
    return rest;
}

} // namespace inetd::log
