#pragma once

#include <chrono>
#include <cstddef>
#include <ctime>
#include <functional>
#include <memory>
#include <vector>

namespace inetd {

// When children called exec. Each child notes it by itself, in memory that it shares with us even
// after a fork, because nothing else tells us that an exec went well.
class ExecTimes {
  public:
    using TimePoint = std::chrono::steady_clock::time_point;
    // How long it took since the time that begin() was given.
    using Handler =
        std::function<void(const std::shared_ptr<void>& whose, std::chrono::nanoseconds)>;

    // For so many children at a time. Throws std::bad_alloc.
    explicit ExecTimes(std::size_t places);
    // The memory is never given back: a child may be about to write to it.
    ~ExecTimes() = default;
    ExecTimes(const ExecTimes&) = delete;
    ExecTimes& operator=(const ExecTimes&) = delete;

    void on_exec(Handler handler) { handler_ = std::move(handler); }

    // Where the next child of this place writes to; null `whose`: nobody wants to know. The one
    // before it has been noted, or is given up.
    timespec* begin(std::size_t place, const std::shared_ptr<void>& whose, TimePoint since);
    // Where a child writes to that has no place.
    [[nodiscard]] timespec* nowhere() { return times_ + items_.size(); }
    // Tells about the child of the place, if it has come as far. `over`: it has, or never will.
    void note(std::size_t place, bool over);

  private:
    struct Item {
        std::shared_ptr<void> whose;
        TimePoint since;
    };
    std::vector<Item> items_;
    timespec* times_; // CLOCK_MONOTONIC, which is that of TimePoint; 0 = not yet, or failed
    Handler handler_;
};

} // namespace inetd
