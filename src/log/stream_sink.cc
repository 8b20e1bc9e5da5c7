#include "log/stream_sink.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace inetd::log {

static constexpr std::size_t kWriteAt = std::size_t{64} * 1024;
static constexpr std::size_t kMostPending = std::size_t{256} * 1024;

// JOURNAL_STREAM is inherited through pipes and redirections, so it counts only if it names the
// device and inode that descriptor 2 really is (systemd.exec(5)).
bool stderr_is_journal() {
    const char* stream = std::getenv("JOURNAL_STREAM");
    struct stat status {};
    if (stream == nullptr || fstat(STDERR_FILENO, &status) != 0) return false;
    return fmt::format("{}:{}", status.st_dev, status.st_ino) == stream;
}

// Of S_IFMT, inode(7); 0 if that cannot be told.
static mode_t type_of(int fd) {
    struct stat status {};
    return fstat(fd, &status) == 0 ? status.st_mode & S_IFMT : 0;
}

static Result<Fd> open_to_append(const std::string& path) {
    // O_NONBLOCK: a FIFO without a reader must not hold us up, neither here nor later.
    Fd file(open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
                 0640));
    if (!file) return errno_error("open " + path);
    return file;
}

StreamSink::StreamSink()
    : fd_(STDERR_FILENO),
      prefix_(stderr_is_journal() ? Prefix::level : Prefix::name),
      type_(type_of(STDERR_FILENO)) {}

StreamSink::StreamSink(std::string path, Fd file)
    : path_(std::move(path)),
      file_(std::move(file)),
      fd_(file_.get()),
      prefix_(Prefix::date),
      type_(type_of(fd_)) {}

Result<std::unique_ptr<Sink>> StreamSink::open_file(const std::string& path) {
    auto file = open_to_append(path);
    if (!file) return file.error();
    return std::unique_ptr<Sink>(new StreamSink(path, *std::move(file)));
}

StreamSink::~StreamSink() {
    send_pending();
}

Result<void> StreamSink::reopen() {
    if (path_.empty()) return {};
    send_pending();
    auto file = open_to_append(path_);
    if (!file) return file.error();
    file_ = *std::move(file);
    fd_ = file_.get();
    type_ = type_of(fd_);
    return {};
}

void StreamSink::append(Level level, std::string_view text) {
    switch (prefix_) {
    case Prefix::name:
        pending_ += "inetd: ";
        break;
    case Prefix::level:
        pending_ += "<" + std::to_string(static_cast<int>(level)) + ">";
        break;
    case Prefix::date:
        pending_ += stamp_.now();
        pending_ += " inetd[" + std::to_string(getpid()) + "]: ";
        break;
    }
    pending_ += text;
    pending_ += '\n';
}

void StreamSink::write(const Entry& entry) {
    if (pending_.size() > kMostPending) {
        ++lost_;
        return;
    }
    append(entry.level, entry.text);
    if (pending_.size() > kWriteAt || entry.level <= Level::warning) send_pending();
}

Rest StreamSink::flush() {
    const std::size_t before = pending_.size();
    send_pending();
    if (!pending_.empty()) return pending_.size() < before ? Rest::less : Rest::same;
    if (lost_ == 0) return Rest::none;
    append(Level::warning, fmt::format("{} messages lost: the log did not take them", lost_));
    lost_ = 0;
    send_pending();
    return pending_.empty() ? Rest::none : Rest::less;
}

// Descriptor 2 is shared with whoever started us, so it cannot be made non-blocking. But a pipe
// that polls as writable takes PIPE_BUF bytes without waiting, pipe(7).
bool StreamSink::has_room() const {
    if (file_ || type_ == S_IFREG) return true;
    pollfd one{fd_, POLLOUT, 0};
    return poll(&one, 1, 0) == 1;
}

void StreamSink::send_pending() {
    std::string_view rest = pending_;
    while (!rest.empty()) {
        if (!has_room()) break;
        const std::size_t size =
            file_ || type_ == S_IFREG ? rest.size() : std::min<std::size_t>(rest.size(), PIPE_BUF);
        const ssize_t done = type_ == S_IFSOCK
                                 ? send(fd_, rest.data(), size, MSG_DONTWAIT | MSG_NOSIGNAL)
                                 : ::write(fd_, rest.data(), size);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0 && errno == EAGAIN) break;
        // Nobody to tell: this is where one would say it.
        if (done <= 0) rest = {};
        rest.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(done, 0)));
    }
    pending_.erase(0, pending_.size() - rest.size());
}

} // namespace inetd::log
