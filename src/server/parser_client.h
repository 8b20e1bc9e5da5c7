#pragma once

#include "builtin/parser.h"
#include "event/loop.h"
#include "policy/throttle.h"
#include "process/parser_process.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace inetd {

// Has what strangers send parsed by a process of its own, the parser: started at the first
// question, ended when there was none for a while. It gets one at a time. A question that it dies
// of, does not answer in time or answers with nonsense fails, and no other: they are asked of the
// next process, of which one is started in a second at most, or whoever can make it die could have
// nothing done but forks. What goes wrong is logged, now and then.
class ParserClient {
  public:
    explicit ParserClient(EventLoop& loop, Duration timeout = std::chrono::seconds(2));
    ~ParserClient();

    // As AskParser. What is returned must not outlive this object.
    std::shared_ptr<void> ask(ParserQuestion question, std::function<void(ParserReply)> done);
    // The same as a function.
    [[nodiscard]] AskParser asker();
    // Those that have not been answered.
    [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }

    // Ends the process, which another one takes the place of when it is needed.
    void retire();
    // Ends the process, and forgets who waits without calling them.
    void stop_all();

  private:
    struct Waiting {
        ParserQuestion question;
        std::function<void(ParserReply)> done;
    };

    void pump();
    void start();
    void read();
    void late();
    void take(const std::string& reply);
    void go_on();
    void fail(const std::string& why);
    void fail_all();
    void note(const std::string& why, ParserQuestion::Kind kind);
    void end_process();
    void give_up_start(const std::string& why);

    EventLoop& loop_;
    Duration timeout_;
    Throttle notes_;
    std::uint64_t next_ = 0;
    std::map<std::uint64_t, Waiting> waiting_; // in the order of asking
    std::optional<std::uint64_t> asked_;       // the one that the process has, which may be gone
    WorkerProcess process_;
    bool ready_ = false;
    Watch watch_;          // after the descriptor, so that it goes first
    TimePoint earliest_{}; // for the next process to be started
    Timer limit_;          // of the question that it has, or of its start
    Timer pause_;          // until that, or until it is said that there is none
    Timer rest_;
};

} // namespace inetd
