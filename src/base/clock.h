#pragma once

#include <chrono>
#include <ctime>

namespace inetd {

// std::chrono::steady_clock by a call that can be inlined: of what the daemon does for a client
// this alone would keep that part of the C++ library in memory.
struct Clock {
    using duration = std::chrono::steady_clock::duration;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::steady_clock::time_point;
    static constexpr bool is_steady = true;

    static time_point now() noexcept { return time_point(read(CLOCK_MONOTONIC)); }
    // std::chrono::system_clock::now().
    static std::chrono::system_clock::time_point wall() noexcept {
        using System = std::chrono::system_clock;
        return System::time_point(
            std::chrono::duration_cast<System::duration>(read(CLOCK_REALTIME)));
    }

  private:
    static duration read(clockid_t clock) noexcept {
        timespec time{};
        clock_gettime(clock, &time);
        return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
    }
};
using TimePoint = Clock::time_point;
using Duration = Clock::duration;

} // namespace inetd
