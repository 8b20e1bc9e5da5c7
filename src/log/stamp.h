#pragma once

#include <array>
#include <ctime>
#include <string_view>

namespace inetd::log {

// The local time as text, made anew once a second at most.
class Stamp {
  public:
    explicit Stamp(const char* format) : format_(format) {} // as of strftime(3)

    std::string_view now() {
        timespec time{};
        // As good as a second needs, and cheaper.
        clock_gettime(CLOCK_REALTIME_COARSE, &time);
        if (time.tv_sec != made_at_) {
            tm local{};
            localtime_r(&time.tv_sec, &local);
            size_ = strftime(text_.data(), text_.size(), format_, &local);
            made_at_ = time.tv_sec;
        }
        return {text_.data(), size_};
    }

  private:
    const char* format_;
    std::time_t made_at_ = -1;
    std::array<char, 32> text_{};
    std::size_t size_ = 0;
};

} // namespace inetd::log
