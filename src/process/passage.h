#pragma once

#include "base/fd.h"

namespace inetd {

// The way for descriptors to a child that shares the daemon's table until it has one of its own: a
// pair of unix sockets, through which they come in a message, unix(7).
class Passage {
  public:
    // True if it is open, now or already.
    bool open();
    // Puts them in; the caller may close them at once. `second` may be -1. False if that failed.
    [[nodiscard]] bool put(int first, int second) const;
    // Closes what nobody has fetched, which the next child would take for its own. Not while there
    // is a child that may still fetch it.
    void empty() const;
    // Makes room among the low numbers, and takes one for the exit. As above, while there is a
    // child.
    void raise_entrance(int above);
    void lower_exit();
    [[nodiscard]] int exit() const { return receive_.get(); } // where the child fetches them

  private:
    Fd send_;
    Fd receive_;
};

} // namespace inetd
