#pragma once

#include "base/fd.h"
#include "base/result.h"

namespace inetd {

// Turning into a daemon by hand (daemon(7), "SysV daemons"), in two steps: the caller's shell gets
// its prompt back only when the daemon serves, and with the daemon's own exit status if it cannot.
class Background {
  public:
    // Returns in a grandchild without a controlling terminal, its standard error still the
    // caller's. The process that called stays, and ends as ready() or the grandchild's death tells
    // it.
    static Result<Background> enter();
    Background(Background&&) = default;
    Background& operator=(Background&&) = default;
    ~Background() = default;

    // Lets go of the standard descriptors and lets the caller end with exit status 0.
    void ready();
    // The same with another status; the daemon is to end as well.
    void failed(int status);

  private:
    explicit Background(Fd parent) : parent_(std::move(parent)) {}
    Fd parent_;
};

// Descriptors 0, 1 and 2 exist afterwards (as /dev/null where they did not), and every other one is
// closed on exec.
void secure_standard_descriptors();

} // namespace inetd
