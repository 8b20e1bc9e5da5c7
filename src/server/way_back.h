#pragma once

#include "base/fd.h"
#include "server/handover.h"

#include <utility>
#include <vector>

namespace inetd {

// Holds on to the descriptors of a hand-over while the binary before may have to go on with them:
// whatever has taken one over closes it when a failure destroys it. All but the pid file's, whose
// lock a copy would cost.
class WayBack {
  public:
    // Nothing is held where there are not descriptors enough for the rest of the start, too.
    explicit WayBack(const Handover& handover);
    // Makes every number stand again for what it was when this was made.
    void restore() const;

  private:
    std::vector<std::pair<int, Fd>> copies_;
};

} // namespace inetd
