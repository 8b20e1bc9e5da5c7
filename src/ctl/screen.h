#pragma once

#include "base/result.h"

#include <chrono>
#include <csignal>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <termios.h>
#include <vector>

namespace inetd::ctl {

enum class Key : unsigned char { up, down, left, right, page_up, page_down, home, end };

// A key that was pressed: one with a name, or a character.
struct Stroke {
    std::optional<Key> key;
    char character = '\0';
    friend bool operator==(const Stroke&, const Stroke&) = default;
};

// Keys out of what a terminal sends for them (ECMA-48, xterm). What is unknown is left out; a
// sequence may come in pieces.
class StrokeReader {
  public:
    [[nodiscard]] std::vector<Stroke> read(std::string_view bytes);

  private:
    std::string kept_;
};

// The whole terminal of standard input and output. As long as this lives, keys come one by one and
// unseen, SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP and SIGWINCH come as events, and what stood on
// the screen before is out of sight. All of it is as it was when it dies, and while it is stopped.
// In the background it waits, stopped, until it is in front; a signal ends the process then.
class Screen {
  public:
    // Error: these are no terminal, or one that cannot move its cursor.
    [[nodiscard]] static Result<void> usable();

    Screen();
    Screen(const Screen&) = delete;
    Screen& operator=(const Screen&) = delete;
    ~Screen();

    struct Size {
        std::size_t columns = 80;
        std::size_t rows = 24;
    };
    [[nodiscard]] static Size size();

    // The lines from the top; what is beyond the right or lower edge is not shown.
    static void show(const std::vector<std::string>& lines);

    struct Event {
        std::vector<Stroke> strokes;
        bool resized = false; // or shown again after a stop
        bool ready = false;   // something can be read from `fd`
        int signal = 0;       // that asks for the end
    };
    // Until something happens, or for so long; `fd` may be -1.
    Event wait(int fd, std::chrono::milliseconds patience);

  private:
    void enter();
    void leave() const;
    void stop();
    void take_signals(Event& event);

    termios before_{};
    int signals_ = -1;
    sigset_t mask_before_{};
    StrokeReader reader_;
};

} // namespace inetd::ctl
