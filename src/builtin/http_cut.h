#pragma once

#include <cstddef>
#include <string_view>

namespace inetd {

// Cuts off the head of one request of HTTP while it comes, without a look at what it says: at its
// newlines, each byte once. Pure.
class HttpCut {
  public:
    // `bytes`: all that has come so far, and perhaps of others after it. True when there is a
    // reason to read it: its first line has come, so that what is no request is known at once; or
    // its end; or as much as may be.
    bool read(std::string_view bytes);
    // How much of it there was then.
    [[nodiscard]] std::size_t size() const { return size_; }

  private:
    std::size_t size_ = 0; // of the lines that have come whole
    std::size_t seen_ = 0;
    bool begun_ = false; // one of them is not blank
    bool ended_ = false;
};

} // namespace inetd
