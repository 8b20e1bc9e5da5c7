#pragma once

#include "base/fd.h"
#include "control/framer.h"
#include "control/message.h"
#include "event/loop.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <sys/types.h>

namespace inetd::control {

// Who is at the other end of a unix socket, SO_PEERCRED of unix(7).
struct Caller {
    pid_t pid = 0;
    uid_t uid = 0;
    bool may_change = false; // and not only look
};

// How long one who says nothing, or takes nothing, may stay.
struct Patience {
    Duration idle = std::chrono::seconds(60);
    Duration stalled = std::chrono::seconds(30);
};

// When those who may only look are listened to next: together they get a fifth of the time, so that
// a call that is dear, for there are many services, cannot be made to keep clients waiting.
struct Pace {
    TimePoint next{};
};

// One connected client. Takes its calls one after the other: the next one is looked at when the
// answer to the one before has been taken, and after everybody else in the loop had a turn.
class Connection : public std::enable_shared_from_this<Connection> {
  public:
    struct Hooks {
        // Answer by send(), at once or later.
        std::function<void(Connection&, const Call&)> called;
        // The last thing that comes from it.
        std::function<void(Connection&)> ended;
    };
    // `pace` is shared by all, and outlives them.
    Connection(EventLoop& loop, Fd fd, const Caller& caller, const Patience& patience, Pace& pace,
               Hooks hooks);

    // Throws std::system_error as EventLoop::watch() does.
    void start();
    [[nodiscard]] const Caller& caller() const { return caller_; }
    [[nodiscard]] bool ended() const { return !fd_; }
    // The call that is being answered, 0 if none is; goes up with each.
    [[nodiscard]] std::uint64_t call() const { return busy_ ? calls_ : 0; }
    // Nothing is held back of what was sent so far: one more of a stream of replies costs no more
    // than itself.
    [[nodiscard]] bool has_room() const { return output_.size() - sent_ < kMostHeld; }

    void send(const Reply& reply);
    // Says why before it ends.
    void turn_away(const Reply& reply);
    void end();

  private:
    static constexpr std::size_t kMostHeld = 65536;

    void on_ready(std::uint32_t events);
    void receive();
    void serve_next();
    void serve(const Call& call);
    void flush();
    void settle();

    EventLoop& loop_;
    Fd fd_;
    Caller caller_;
    Patience patience_;
    Pace& pace_;
    Hooks hooks_;
    Framer framer_;
    std::string output_;
    std::size_t sent_ = 0; // of output_
    std::uint64_t calls_ = 0;
    bool busy_ = false;         // a call is being answered
    bool oneway_ = false;       // and wants no answer
    bool input_closed_ = false; // no more calls will come
    bool parting_ = false;      // ends when the output has gone
    std::uint32_t events_ = EPOLLIN;
    Watch watch_;
    Timer timer_; // of its patience
    Timer next_;  // the next call, in the next round
};

} // namespace inetd::control
