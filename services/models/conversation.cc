#include "conversation.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <sys/socket.h>
#include <unistd.h>

namespace models {

static const std::array<char, Conversation::kMost> answer = [] {
    std::array<char, Conversation::kMost> text{};
    text.fill('x');
    return text;
}();

Conversation::Wants Conversation::go_on(int connection) {
    if (!answering_) {
        const Wants wants = read_line(connection);
        if (wants != Wants::room) return wants;
    }
    while (left_ > 0) {
        const ssize_t sent = send(connection, answer.data(), left_, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) return errno == EAGAIN ? Wants::room : Wants::nothing;
        left_ -= static_cast<std::size_t>(sent);
    }
    return Wants::nothing;
}

// Wants room when the line is there.
Conversation::Wants Conversation::read_line(int connection) {
    while (length_ < line_.size()) {
        const ssize_t got = recv(connection, line_.data() + length_, line_.size() - length_, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && errno == EAGAIN) return Wants::input;
        if (got <= 0) return Wants::nothing;
        length_ += static_cast<std::size_t>(got);
        if (std::find(line_.begin(), line_.begin() + length_, '\n') == line_.begin() + length_)
            continue;
        answering_ = take_line();
        return answering_ ? Wants::room : Wants::nothing;
    }
    return Wants::nothing;
}

bool Conversation::take_line() {
    const auto [end, error] = std::from_chars(line_.data(), line_.data() + length_, left_);
    return error == std::errc{} && *end == '\n' && left_ <= kMost;
}

void serve(int connection) {
    Conversation().go_on(connection);
    close(connection);
}

} // namespace models
