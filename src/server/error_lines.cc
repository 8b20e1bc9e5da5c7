#include "server/error_lines.h"

#include "base/text.h"
#include "log/log.h"

#include <array>
#include <cerrno>
#include <system_error>
#include <unistd.h>

namespace inetd {

using namespace std::chrono_literals;

static constexpr std::size_t kLongest = 1024; // what is longer becomes several messages
static constexpr Rate kBudget{100, 1, 500};   // lines of one service
static constexpr Duration kLogPause = 100ms;

ErrorLines::ErrorLines(EventLoop& loop, Fd pipe, ServiceConfigPtr config, SocketAddress peer,
                       std::shared_ptr<TokenBucket> budget, std::function<void()> at_end)
    : loop_(loop),
      pipe_(std::move(pipe)),
      config_(std::move(config)),
      peer_(std::move(peer)),
      budget_(std::move(budget)),
      at_end_(std::move(at_end)) {}

void ErrorLines::start(pid_t pid) {
    pid_ = pid;
    listen();
}

ErrorLinesState ErrorLines::state() const {
    return {.fd = pipe_.get(), .config = config_, .peer = peer_, .pid = pid_, .text = text_};
}

void ErrorLines::resume(pid_t pid, std::string text) {
    text_ = std::move(text);
    start(pid);
}

void ErrorLines::listen() {
    if (watch_) return;
    try {
        watch_ = loop_.watch(pipe_.get(), EPOLLIN, [this](std::uint32_t) { pump(1); });
    } catch (const std::system_error&) {
        pause(kLogPause); // no memory or watches now: the pipe is patient
    }
}

// Not by a watch for nothing: the end of the pipe would be reported without end.
void ErrorLines::pause(Duration wait) {
    watch_.reset();
    timer_ = loop_.after(wait, [this] { pump(1); });
}

ErrorLines::Got ErrorLines::read_some() {
    std::array<char, 4096> part{};
    const ssize_t size = read(pipe_.get(), part.data(), part.size());
    if (size < 0) return errno == EAGAIN || errno == EINTR ? Got::nothing : Got::end;
    text_.append(part.data(), static_cast<std::size_t>(size));
    return size == 0 ? Got::end : Got::something;
}

void ErrorLines::write_line(std::string_view line) const {
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) return;
    log::notice({.service = config_->name, .peer = &peer_, .pid = pid_}, "{}: pid {}: {}",
                config_->name, pid_, escaped(line));
}

bool ErrorLines::may_write() {
    if (log::is_behind()) {
        pause(kLogPause);
        return false;
    }
    if (budget_->take(kBudget, Clock::now())) return true;
    pause(budget_->wait(kBudget, Clock::now()));
    return false;
}

bool ErrorLines::write_lines(bool all) {
    std::size_t done = 0;
    bool may = true;
    for (;;) {
        const std::string_view rest = std::string_view(text_).substr(done);
        const auto end = rest.substr(0, kLongest + 1).find('\n');
        if (end == std::string_view::npos && rest.size() <= kLongest) break;
        may = all || may_write();
        if (!may) break;
        write_line(rest.substr(0, std::min(end, kLongest)));
        done += end == std::string_view::npos ? kLongest : end + 1;
    }
    text_.erase(0, done);
    return may;
}

void ErrorLines::pump(int reads) {
    const auto self = shared_from_this();
    if (!write_lines(false)) return;
    for (Got got = Got::something; got == Got::something && reads > 0; --reads) {
        got = read_some();
        if (!write_lines(false)) return;
        if (got == Got::end) return finish();
    }
    listen();
}

void ErrorLines::drain() {
    const auto self = shared_from_this();
    Got got = Got::something;
    for (int i = 0; i < kWholePipe && got == Got::something; ++i) {
        got = read_some();
        write_lines(true);
    }
    finish();
}

void ErrorLines::abandon() {
    const auto self = shared_from_this();
    text_.clear();
    finish();
}

void ErrorLines::finish() {
    write_line(text_);
    text_.clear();
    watch_.reset();
    timer_.reset();
    at_end_();
}

} // namespace inetd
