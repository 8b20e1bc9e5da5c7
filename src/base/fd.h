#pragma once

#include <unistd.h>
#include <utility>

namespace inetd {

// Unique owner of a file descriptor: closes it when it dies. Move-only. Empty is -1.
class Fd {
  public:
    Fd() = default;
    explicit Fd(int fd) noexcept : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(other.release()) {}
    Fd& operator=(Fd&& other) noexcept {
        reset(other.release());
        return *this;
    }
    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;
    ~Fd() { reset(); }

    [[nodiscard]] int get() const noexcept { return fd_; }
    explicit operator bool() const noexcept { return fd_ >= 0; }

    // Gives the descriptor up without closing it.
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

    void reset(int fd = -1) noexcept {
        const int old = std::exchange(fd_, fd);
        // close(2): on Linux the descriptor is gone even after EINTR, so there is nothing to retry.
        if (old >= 0) ::close(old);
    }

  private:
    int fd_ = -1;
};

} // namespace inetd
