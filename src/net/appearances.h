#pragma once

#include "base/fd.h"
#include "event/loop.h"

#include <functional>

namespace inetd {

// Tells when an address of the machine, or also a network interface, has come or changed: an event
// of rtnetlink(7). An IPv6 address that is still being checked (RFC 4862) comes twice, and can be
// bound from the second time on.
class Appearances {
  public:
    // `changed` is called once for all that has happened since, and if events were lost.
    Appearances(EventLoop& loop, std::function<void()> changed)
        : loop_(loop), changed_(std::move(changed)) {}

    // Costs a descriptor from here to stop(). What came before is not told, so that the caller has
    // to look once more. False if there is no descriptor or memory for it.
    [[nodiscard]] bool start(bool interfaces);
    void stop();
    [[nodiscard]] bool tells_of(bool interfaces) const {
        return fd_ && (interfaces_ || !interfaces);
    }

  private:
    void read();

    EventLoop& loop_;
    std::function<void()> changed_;
    Fd fd_;
    Watch watch_;
    bool interfaces_ = false;
};

} // namespace inetd
