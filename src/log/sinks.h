#pragma once

#include "log/log.h"

#include <string>
#include <vector>

namespace inetd::log {

// Lines on descriptor 2, gathered and written once a round. Where standard error is the journal's
// (JOURNAL_STREAM of sd-daemon(3)), each line begins with its "<level>".
class StderrSink final : public Sink {
  public:
    StderrSink();
    ~StderrSink() override;
    void write(Level level, std::string_view message) override;
    void flush() override;

  private:
    bool prefix_;
    std::string pending_;
};

// syslog(3) with LOG_PID and the given facility.
class SyslogSink final : public Sink {
  public:
    explicit SyslogSink(int facility);
    ~SyslogSink() override;
    void write(Level level, std::string_view message) override;
};

// Keeps the messages, for tests.
class CaptureSink final : public Sink {
  public:
    explicit CaptureSink(std::vector<std::string>& lines) : lines_(lines) {}
    void write(Level, std::string_view message) override { lines_.emplace_back(message); }

  private:
    std::vector<std::string>& lines_;
};

} // namespace inetd::log
