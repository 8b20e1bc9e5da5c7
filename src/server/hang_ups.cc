#include "server/hang_ups.h"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sys/epoll.h>
#include <system_error>
#include <utility>

namespace inetd {

static constexpr std::size_t kEventsAtOnce = 64;
static constexpr std::chrono::milliseconds kAgain{100};

// EPOLLHUP is the end of both directions: a reset, a time-out, or that each side has closed. A
// client that has only closed its sending half shows as EPOLLRDHUP, which is not asked for; and
// EPOLLERR alone may be something in the error queue. Data wakes nobody, as EPOLLIN and EPOLLOUT
// are not asked for either. EPOLLET, because nobody here can end the state that is reported.
Result<HangUps::Token> HangUps::add(int connection) {
    if (!epoll_) {
        epoll_.reset(epoll_create1(EPOLL_CLOEXEC));
        if (!epoll_) return errno_error("epoll_create1");
        try {
            watch();
        } catch (const std::system_error& error) {
            epoll_.reset();
            return Error{"epoll_ctl", error.code().value()};
        }
    }
    epoll_event event{};
    event.events = EPOLLET;
    event.data.u64 = last_ + 1;
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, connection, &event) != 0)
        return errno_error("epoll_ctl");
    return ++last_;
}

void HangUps::resume(const State& state) {
    last_ = state.last;
    epoll_.reset(state.epoll);
    if (!epoll_) return;
    fcntl(epoll_.get(), F_SETFD, FD_CLOEXEC);
    watch_resumed();
}

// Here is nobody who could be told that there is no watch for it.
void HangUps::watch_resumed() {
    try {
        watch();
    } catch (const std::system_error&) {
        again_ = loop_.after(kAgain, [this] { watch_resumed(); });
    }
}

// What there is room for in one look is reported, the rest in the next round.
void HangUps::watch() {
    watch_ = loop_.watch(epoll_.get(), EPOLLIN, [this](std::uint32_t) { look(); });
}

// A connection whose child has gone may live on in a process that the child has started: its token
// has no handler any more.
void HangUps::look() {
    std::array<epoll_event, kEventsAtOnce> events;
    const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
    for (int i = 0; i < count; ++i) {
        const epoll_event& event = events.at(static_cast<std::size_t>(i));
        if ((event.events & EPOLLHUP) == 0) continue;
        auto found = handlers_.extract(event.data.u64);
        if (!found.empty()) found.mapped()();
    }
}

} // namespace inetd
