#include "control/connection.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <sys/socket.h>

namespace inetd::control {

Connection::Connection(EventLoop& loop, Fd fd, const Caller& caller, const Patience& patience,
                       Pace& pace, Hooks hooks)
    : loop_(loop),
      fd_(std::move(fd)),
      caller_(caller),
      patience_(patience),
      pace_(pace),
      hooks_(std::move(hooks)),
      framer_(kMostCall) {}

void Connection::start() {
    watch_ = loop_.watch(fd_.get(), events_, [this](std::uint32_t events) { on_ready(events); });
    settle();
}

void Connection::end() {
    if (!fd_) return;
    const auto self = shared_from_this();
    watch_.reset();
    timer_.reset();
    next_.reset();
    fd_.reset();
    busy_ = false;
    hooks_.ended(*this);
}

void Connection::on_ready(std::uint32_t events) {
    const auto self = shared_from_this();
    if ((events & EPOLLOUT) != 0) flush();
    if (fd_ && (events & EPOLLIN) != 0) receive();
    // Both directions are closed: nobody waits for an answer any more.
    if (fd_ && (events & (EPOLLHUP | EPOLLERR)) != 0) return end();
    settle();
}

void Connection::receive() {
    std::array<char, 4096> buffer;
    const std::size_t room = std::min(buffer.size(), framer_.room());
    const ssize_t got = recv(fd_.get(), buffer.data(), room, 0);
    if (got < 0) {
        if (errno != EAGAIN && errno != EINTR) end();
        return;
    }
    if (got == 0) {
        input_closed_ = true;
    } else {
        framer_.add({buffer.data(), static_cast<std::size_t>(got)});
    }
    serve_next();
}

void Connection::serve_next() {
    const auto self = shared_from_this();
    next_.reset();
    if (!fd_ || busy_ || parting_ || !output_.empty()) return;
    if (const Duration wait = pace_.next - Clock::now();
        !caller_.may_change && framer_.has_next() && wait > Duration::zero()) {
        next_ = loop_.after(wait, [this] { serve_next(); });
        return settle();
    }
    if (const auto text = framer_.next()) {
        const auto call = parse_call(*text);
        if (!call) return end();
        serve(*call);
    } else if (framer_.too_long() || input_closed_) {
        return end();
    }
    settle();
}

void Connection::serve(const Call& call) {
    static constexpr int kTimesTheCost = 4;
    timer_.reset();
    ++calls_;
    busy_ = true;
    oneway_ = call.oneway;
    const TimePoint began = Clock::now();
    hooks_.called(*this, call);
    const TimePoint ended = Clock::now();
    pace_.next = ended + kTimesTheCost * (ended - began);
    // Nobody will say when such a call is done.
    if (oneway_) busy_ = false;
}

void Connection::send(const Reply& reply) {
    if (!fd_ || !busy_) return;
    if (!reply.continues) busy_ = false;
    if (!oneway_) output_ += reply_text(reply);
    flush();
    settle();
}

void Connection::turn_away(const Reply& reply) {
    busy_ = true;
    parting_ = true;
    send(reply);
}

void Connection::flush() {
    while (fd_ && sent_ < output_.size()) {
        const ssize_t sent = ::send(fd_.get(), output_.data() + sent_, output_.size() - sent_,
                                    MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && errno == EAGAIN) break;
        if (sent < 0) return end();
        sent_ += static_cast<std::size_t>(sent);
        timer_.reset(); // settle() begins anew
    }
    if (sent_ == output_.size()) {
        output_.clear();
        output_.shrink_to_fit();
        sent_ = 0;
        timer_.reset();
    } else if (sent_ > kMostHeld) {
        output_.erase(0, sent_);
        sent_ = 0;
    }
}

// Sees to what is to be waited for now, and for how long.
void Connection::settle() {
    if (!fd_) return;
    const bool stalled = !output_.empty();
    if (parting_ && !stalled) return end();
    const bool idle = !busy_ && !stalled;
    // Nothing is read that could not be acted upon.
    const bool wants_input = idle && !input_closed_ && !framer_.has_next();
    const std::uint32_t events = (wants_input ? EPOLLIN : 0U) | (stalled ? EPOLLOUT : 0U);
    if (events != events_) watch_.set_events(events);
    events_ = events;
    if (idle && !next_ && (framer_.has_next() || input_closed_))
        next_ = loop_.after(Duration::zero(), [this] { serve_next(); });
    if (!idle && !stalled) {
        timer_.reset();
    } else if (!timer_) {
        timer_ = loop_.after(stalled ? patience_.stalled : patience_.idle, [this] { end(); });
    }
}

} // namespace inetd::control
