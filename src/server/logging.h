#pragma once

#include "config/model.h"
#include "event/loop.h"
#include "policy/backoff.h"

#include <optional>
#include <string>

namespace inetd {

// Puts the daemon's messages where its settings want them.
class Logging {
  public:
    // In the foreground messages go at once to the journal, if standard error is the journal's, or
    // else to standard error. In the background that is the caller's until the first apply().
    Logging(EventLoop& loop, bool foreground);

    // True if messages go elsewhere now. If they cannot, says so where they go at present.
    bool apply(const DaemonSettings& settings);
    // A file is opened anew.
    static void reopen();
    // At the end of each round. Makes the loop wake up again for what could not be written.
    void flush();

  private:
    struct Place {
        std::string target;
        std::string facility;
        friend bool operator==(const Place&, const Place&) = default;
    };

    EventLoop& loop_;
    bool foreground_;
    std::optional<Place> place_; // nothing: standard error of whoever started us
    Backoff backoff_;
    Timer timer_;
};

} // namespace inetd
