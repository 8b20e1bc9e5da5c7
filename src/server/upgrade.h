#pragma once

#include "base/fd.h"
#include "base/result.h"
#include "event/loop.h"
#include "server/handover.h"
#include "server/launcher.h"
#include "server/options.h"

#include <cstddef>
#include <functional>
#include <string>

namespace inetd {

// Puts the binary that now has our name in our place: the same process, the same descriptors and
// children. It is tried first, in a child that reads the hand-over and the configuration and says
// that it would take over; only then is the running one replaced. Whatever goes wrong before that
// leaves everything as it is, and is logged.
class Upgrade {
  public:
    struct Hooks {
        std::function<Handover()> state;
        // Whether there are clients that no hand-over has, but that will soon be seen to.
        std::function<bool()> unsettled;
        // Just before the exec, and if the change fails after the trial all the same.
        std::function<void()> leaving;
        std::function<void()> staying;
        std::function<void(const std::string& why)> refused;
    };
    Upgrade(EventLoop& loop, Launcher& launcher, const Invocation& invocation, Hooks hooks)
        : loop_(loop), launcher_(launcher), invocation_(invocation), hooks_(std::move(hooks)) {}

    void begin();
    // Executes anew what runs already, without a trial, for what only exec(2) gives. A change that
    // is under way does the same, and if it is refused this comes after it.
    void renew();
    // A trial runs, or the exec waits for its moment.
    [[nodiscard]] bool under_way() const { return trial_ != 0 || late_; }
    // How many of the launcher's children are trials.
    [[nodiscard]] std::size_t trials() const { return trial_ != 0 ? 1 : 0; }
    // The daemon stops: from now on there is no change any more.
    void end();
    // Says that there will be none.
    void refuse(const std::string& why) const;

  private:
    Result<pid_t> start_trial(int state, int output);
    void trial_ended(const ChildEnd& end);
    void judge(const ChildEnd& end, const std::string& said, bool in_time);
    void soon(bool same);
    void replace();
    void stay(const std::string& why);

    EventLoop& loop_;
    Launcher& launcher_;
    const Invocation& invocation_;
    Hooks hooks_;
    Fd output_; // of the trial
    pid_t trial_ = 0;
    bool late_ = false;
    bool same_ = false;    // the binary that runs already
    bool renewal_ = false; // asked for while a trial ran
    bool ended_ = false;
    TimePoint latest_; // until when it waits for clients
    Timer timer_;
};

// What the trial says last, with the version after it.
inline constexpr std::string_view kWouldTakeOver = "would take over: ";

// The hand-over as a file in memory. Error: the kernel's, or that it is too large.
[[nodiscard]] Result<Fd> handover_file(const Handover& handover);
[[nodiscard]] Result<Handover> read_handover(int file);

// Becomes the program at `program`, or the open file `previous` where that is given. Returns only
// if that failed. All descriptors of the hand-over go along.
[[nodiscard]] Error become(const Invocation& invocation, const Handover& handover, int state,
                           int previous, bool back);

} // namespace inetd
