#pragma once

#include "base/address.h"
#include "base/fd.h"
#include "config/model.h"
#include "event/loop.h"
#include "policy/rate.h"

#include <functional>
#include <memory>
#include <string>

namespace inetd {

// What a pipe is made of, for one that goes on in another process.
struct ErrorLinesState {
    int fd = -1;
    ServiceConfigPtr config;
    SocketAddress peer;
    pid_t pid = 0;
    std::string text; // read and not written yet
};

// Our end of the pipe that is a server's standard error: each line becomes a message. Where the
// server says more than its service may, or the log does not keep up, the pipe is not read for a
// while, and only that server waits.
class ErrorLines : public std::enable_shared_from_this<ErrorLines> {
  public:
    // `budget` is shared by all servers of the service. `at_end` is called when nobody has the
    // other end any more; it may drop this.
    ErrorLines(EventLoop& loop, Fd pipe, ServiceConfigPtr config, SocketAddress peer,
               std::shared_ptr<TokenBucket> budget, std::function<void()> at_end);

    [[nodiscard]] int fd() const { return pipe_.get(); }
    [[nodiscard]] pid_t pid() const { return pid_; }
    [[nodiscard]] const ServiceConfigPtr& config() const { return config_; }
    [[nodiscard]] ErrorLinesState state() const;
    // For one just made: goes on where another was.
    void resume(pid_t pid, std::string text);
    void start(pid_t pid);
    // Writes what is in the pipe now, as far as the budget and so many reads go. One read at a time
    // lets others have their turn before the rest.
    void pump(int reads);
    static constexpr int kWholePipe = 17; // reads of a pipe's capacity, and its end
    // The same without regard to the budget, for the end of the daemon.
    void drain();
    // The end, whatever is in the pipe: who writes there gets EPIPE from now on.
    void abandon();

  private:
    enum class Got { something, nothing, end };
    Got read_some();
    // False if the rest must wait.
    bool write_lines(bool all);
    bool may_write();
    void write_line(std::string_view line) const;
    void listen();
    void pause(Duration wait);
    void finish();

    EventLoop& loop_;
    Fd pipe_;
    ServiceConfigPtr config_;
    SocketAddress peer_;
    std::shared_ptr<TokenBucket> budget_;
    std::function<void()> at_end_;
    pid_t pid_ = 0;
    std::string text_; // read and not written yet
    Watch watch_;
    Timer timer_;
};

} // namespace inetd
