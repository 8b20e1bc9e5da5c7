#pragma once

#include "log/log.h"

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <string>

namespace inetd::log {

// The last messages, within bounds, for whoever asks later; and each new one for whoever listens.
class Recent {
  public:
    struct Line {
        std::chrono::system_clock::time_point at;
        Level level = Level::info;
        std::string service; // that it is about; empty = none
        std::string text;
    };
    explicit Recent(std::size_t most_bytes) : most_bytes_(most_bytes) {}

    void write(const Entry& entry);
    // The oldest first.
    [[nodiscard]] const std::deque<Line>& lines() const { return lines_; }
    void on_line(std::function<void(const Line&)> listener) { listener_ = std::move(listener); }

  private:
    static std::size_t size_of(const Line& line) { return sizeof line + line.text.size(); }

    std::size_t most_bytes_;
    std::size_t bytes_ = 0;
    std::deque<Line> lines_;
    std::function<void(const Line&)> listener_;
};

} // namespace inetd::log
