#pragma once

#include "base/fd.h"
#include "log/log.h"
#include "log/stamp.h"

#include <string>
#include <sys/types.h>

namespace inetd::log {

// Whether descriptor 2 is the journal's: JOURNAL_STREAM names it, systemd.exec(5).
[[nodiscard]] bool stderr_is_journal();

// Lines on standard error or at the end of a file, gathered and written once a round. A reader that
// is slow makes the lines wait, up to a bound; what is lost beyond it is counted and said.
class StreamSink final : public Sink {
  public:
    // On descriptor 2. Where that is the journal's, each line begins with its "<level>".
    StreamSink();
    // At the end of the file, made if need be. Lines begin with date and time.
    static Result<std::unique_ptr<Sink>> open_file(const std::string& path);
    StreamSink(const StreamSink&) = delete;
    StreamSink& operator=(const StreamSink&) = delete;
    ~StreamSink() override;

    void write(const Entry& entry) override;
    Rest flush() override;
    // The old file stays where the new one cannot be opened.
    Result<void> reopen() override;

  private:
    enum class Prefix { name, level, date };
    StreamSink(std::string path, Fd file);
    [[nodiscard]] bool has_room() const;
    void append(Level level, std::string_view text);
    void send_pending();

    std::string path_; // empty: descriptor 2
    Fd file_;
    int fd_;
    Prefix prefix_;
    mode_t type_ = 0; // S_IFREG: never full
    Stamp stamp_{"%Y-%m-%d %H:%M:%S"};
    std::string pending_;
    unsigned long lost_ = 0;
};

} // namespace inetd::log
