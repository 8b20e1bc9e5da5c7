#include "log/sinks.h"

#include <cstdlib>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

namespace inetd::log {

static constexpr std::size_t kMostPending = std::size_t{64} * 1024;

// JOURNAL_STREAM is inherited through pipes and redirections, so it counts only if it names the
// device and inode that descriptor 2 really is (systemd.exec(5)).
static bool stderr_is_journal() {
    const char* stream = std::getenv("JOURNAL_STREAM");
    struct stat status {};
    if (stream == nullptr || fstat(STDERR_FILENO, &status) != 0) return false;
    return fmt::format("{}:{}", status.st_dev, status.st_ino) == stream;
}

StderrSink::StderrSink() : prefix_(stderr_is_journal()) {}

StderrSink::~StderrSink() {
    flush();
}

void StderrSink::write(Level level, std::string_view message) {
    if (prefix_) {
        fmt::format_to(std::back_inserter(pending_), "<{}>", static_cast<int>(level));
    } else {
        pending_ += "inetd: ";
    }
    pending_ += message;
    pending_ += '\n';
    if (pending_.size() > kMostPending || level <= Level::warning) flush();
}

void StderrSink::flush() {
    std::string_view rest = pending_;
    while (!rest.empty()) {
        const ssize_t written = ::write(STDERR_FILENO, rest.data(), rest.size());
        if (written < 0 && errno == EINTR) continue;
        // Nobody to tell: standard error is where one would say it.
        if (written <= 0) break;
        rest.remove_prefix(static_cast<std::size_t>(written));
    }
    pending_.clear();
}

SyslogSink::SyslogSink(int facility) {
    openlog("inetd", LOG_PID, facility);
}

SyslogSink::~SyslogSink() {
    closelog();
}

void SyslogSink::write(Level level, std::string_view message) {
    syslog(static_cast<int>(level), "%.*s", static_cast<int>(message.size()), message.data());
}

} // namespace inetd::log
