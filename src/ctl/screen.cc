#include "ctl/screen.h"

#include "base/text.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace inetd::ctl {

// The other screen, no cursor, and lines that end at the edge (DECAWM), xterm's "ctlseqs".
static constexpr std::string_view kEnter = "\033[?1049h\033[?25l\033[?7l";
static constexpr std::string_view kLeave = "\033[0m\033[?7h\033[?25h\033[?1049l";

static std::optional<Key> key_of(std::string_view sequence) {
    struct Known {
        std::string_view sequence;
        Key key;
    };
    // After ESC. With "O" where the keypad is in its application mode.
    static constexpr std::array kKnown{
        Known{"[A", Key::up},         Known{"OA", Key::up},    Known{"[B", Key::down},
        Known{"OB", Key::down},       Known{"[C", Key::right}, Known{"OC", Key::right},
        Known{"[D", Key::left},       Known{"OD", Key::left},  Known{"[5~", Key::page_up},
        Known{"[6~", Key::page_down}, Known{"[H", Key::home},  Known{"OH", Key::home},
        Known{"[1~", Key::home},      Known{"[7~", Key::home}, Known{"[F", Key::end},
        Known{"OF", Key::end},        Known{"[4~", Key::end},  Known{"[8~", Key::end}};
    for (const Known& known : kKnown)
        if (known.sequence == sequence) return known.key;
    return std::nullopt;
}

// How long the sequence is that begins here, after ESC; 0 = it has not ended yet.
static std::size_t sequence_length(std::string_view text) {
    if (text.empty()) return 0;
    if (text[0] == 'O') return text.size() < 2 ? 0 : 2;
    if (text[0] != '[') return 1;
    for (std::size_t i = 1; i < text.size(); ++i)
        if (text[i] >= '@' && text[i] <= '~') return i + 1;
    return 0;
}

std::vector<Stroke> StrokeReader::read(std::string_view bytes) {
    kept_ += bytes;
    std::vector<Stroke> strokes;
    std::size_t at = 0;
    for (; at < kept_.size(); ++at) {
        if (kept_[at] != '\033') {
            strokes.push_back({{}, kept_[at]});
            continue;
        }
        // ESC and then another ESC: the first one stood for itself.
        if (at + 1 < kept_.size() && kept_[at + 1] == '\033') continue;
        const std::string_view rest = std::string_view(kept_).substr(at + 1);
        const std::size_t length = sequence_length(rest);
        if (length == 0) break;
        if (const auto key = key_of(rest.substr(0, length))) strokes.push_back({key, '\0'});
        at += length;
    }
    kept_.erase(0, at);
    // Nobody types that, and no terminal sends it.
    constexpr std::size_t kLongest = 32;
    if (kept_.size() > kLongest) kept_.clear();
    return strokes;
}

Result<void> Screen::usable() {
    if (isatty(STDOUT_FILENO) == 0) return Error{"standard output is no terminal", 0};
    if (isatty(STDIN_FILENO) == 0) return Error{"standard input is no terminal", 0};
    const char* name = getenv("TERM");
    if (name == nullptr || *name == '\0') return Error{"TERM is not set", 0};
    if (std::string_view(name) == "dumb") return Error{"a dumb terminal has no screen", 0};
    return {};
}

static sigset_t watched_signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH})
        sigaddset(&set, number);
    return set;
}

Screen::Screen() {
    sigprocmask(SIG_BLOCK, nullptr, &mask_before_);
    const sigset_t set = watched_signals();
    signals_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    enter();
}

Screen::~Screen() {
    leave();
    close(signals_);
    sigprocmask(SIG_SETMASK, &mask_before_, nullptr);
}

// In the background the terminal and its settings are those of the shell.
static bool is_in_front() {
    const pid_t front = tcgetpgrp(STDIN_FILENO);
    return front < 0 || front == getpgrp(); // the first: job control has nothing to do with it
}

static void write_all(std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = write(STDOUT_FILENO, text.data(), text.size());
        if (written < 0 && errno == EAGAIN) {
            pollfd room{.fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0};
            poll(&room, 1, -1);
        }
        // Where the terminal has gone SIGHUP tells it.
        if (written < 0 && errno != EINTR && errno != EAGAIN) return;
        if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
    }
}

// From the background it stops the process until that is in front, tcdrain(3). Signals do what they
// usually do until then: if they were held back, a job that has stopped could not be ended.
void Screen::enter() {
    sigprocmask(SIG_SETMASK, &mask_before_, nullptr);
    tcdrain(STDIN_FILENO);
    sigset_t set = watched_signals();
    sigaddset(&set, SIGTTOU);
    sigprocmask(SIG_BLOCK, &set, nullptr);
    tcgetattr(STDIN_FILENO, &before_);
    termios keys = before_;
    keys.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    keys.c_cc[VMIN] = 1;
    keys.c_cc[VTIME] = 0;
    tcsetattr(STDIN_FILENO, TCSADRAIN, &keys);
    write_all(kEnter);
}

void Screen::leave() const {
    write_all(kLeave);
    // What was typed and not read was meant for us, and not for the shell.
    if (is_in_front()) tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
}

Screen::Size Screen::size() {
    winsize size{};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0)
        return {};
    return {.columns = size.ws_col, .rows = size.ws_row};
}

void Screen::show(const std::vector<std::string>& lines) {
    const Size size = Screen::size();
    const std::size_t count = std::min(lines.size(), size.rows);
    std::string frame = "\033[H";
    // Cleared first: behind the last column the cursor still stands on it.
    for (std::size_t i = 0; i < count; ++i)
        frame += "\033[K" + lines[i] + (i + 1 < count ? "\r\n" : "");
    if (count < size.rows) frame += "\r\n\033[J";
    write_all(frame);
}

void Screen::stop() {
    leave();
    sigprocmask(SIG_SETMASK, &mask_before_, nullptr);
    kill(getpid(), SIGSTOP);
    // Here it goes on.
    enter();
}

void Screen::take_signals(Event& event) {
    bool stops = false;
    signalfd_siginfo info{};
    while (read(signals_, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
        if (info.ssi_signo == SIGWINCH) {
            event.resized = true;
        } else if (info.ssi_signo == SIGTSTP) {
            stops = true;
        } else {
            event.signal = static_cast<int>(info.ssi_signo);
        }
    }
    if (!stops || event.signal != 0) return;
    stop();
    event.resized = true;
}

Screen::Event Screen::wait(int fd, std::chrono::milliseconds patience) {
    std::array<pollfd, 3> fds{pollfd{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0},
                              pollfd{.fd = signals_, .events = POLLIN, .revents = 0},
                              pollfd{.fd = fd, .events = POLLIN, .revents = 0}};
    Event event;
    // It was stopped by SIGSTOP, which nobody can catch, and goes on in the background.
    if (!is_in_front()) {
        enter();
        event.resized = true;
        // There is no shell that could bring it to the front.
        if (!is_in_front()) event.signal = SIGHUP;
        return event;
    }
    const auto limit = std::max(patience, std::chrono::milliseconds::zero());
    if (poll(fds.data(), fds.size(), static_cast<int>(limit.count())) <= 0) return event;
    if (fds[1].revents != 0) take_signals(event);
    if (fds[0].revents != 0) {
        std::array<char, 256> bytes;
        const ssize_t got = read(STDIN_FILENO, bytes.data(), bytes.size());
        if (got > 0) event.strokes = reader_.read({bytes.data(), static_cast<std::size_t>(got)});
        // The terminal has gone.
        if (got == 0 || (got < 0 && errno == EIO)) event.signal = SIGHUP;
    }
    event.ready = fds[2].revents != 0;
    return event;
}

} // namespace inetd::ctl
