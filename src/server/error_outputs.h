#pragma once

#include "base/fd.h"
#include "base/result.h"
#include "config/model.h"
#include "event/loop.h"
#include "policy/throttle.h"
#include "server/error_lines.h"

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace inetd {

// Where the standard error of servers goes: the key `stderr` of inetd.cfg(5).
class ErrorOutputs {
  public:
    explicit ErrorOutputs(EventLoop& loop);

    // Opens the files that these services name, anew where they are open. One that cannot be opened
    // is reported; what would go there is lost until the next time.
    void open_files(const std::vector<ServiceConfigPtr>& services);

    struct Output {
        int fd = -1;                         // for the child; -1: its socket
        Fd own{};                            // what has to stay open until the child has it
        std::shared_ptr<ErrorLines> lines{}; // if it goes to the log
    };
    Output prepare(const ServiceConfigPtr& config, const SocketAddress& peer);
    // The child is there: listens to what it says.
    void started(const Output& output, pid_t pid);

    // The server has ended, and what it said before was written. Some process that it left behind
    // may hold the pipe.
    void ended(const std::shared_ptr<ErrorLines>& lines);

    // The pipes whose lines go to the log, and how one of them goes on in another process: state.fd
    // is taken.
    [[nodiscard]] std::vector<ErrorLinesState> states() const;
    std::shared_ptr<ErrorLines> resume(const ErrorLinesState& state);

    // At the end of the daemon: writes what is in the pipes.
    void drain();

  private:
    // What servers of one service have in common.
    struct Shared {
        std::shared_ptr<TokenBucket> budget = std::make_shared<TokenBucket>();
        std::deque<std::weak_ptr<ErrorLines>>
            left{}; // of servers that have ended, the oldest first
    };

    int null();
    Output lost(const ServiceConfig& config, const Error& error);
    Output to_journal(const ServiceConfig& config);
    std::shared_ptr<ErrorLines> lines_of(Fd pipe, const ServiceConfigPtr& config,
                                         const SocketAddress& peer);
    Output to_log(const ServiceConfigPtr& config, const SocketAddress& peer);

    EventLoop& loop_;
    Fd null_;
    std::map<std::string, Fd> files_;
    std::unordered_map<std::string, Shared> shared_;             // by service
    std::unordered_map<int, std::shared_ptr<ErrorLines>> pipes_; // by descriptor
    Throttle notes_;
    Throttle left_notes_;
};

} // namespace inetd
