#include "builtin/farewell.h"

#include <array>
#include <cerrno>
#include <iterator>
#include <sys/socket.h>
#include <system_error>
#include <utility>

namespace inetd {

struct Farewells::Farewell {
    Farewell(Fd&& connection, std::string&& last_words, std::shared_ptr<void>&& slot)
        : lease(std::move(slot)), words(std::move(last_words)), fd(std::move(connection)) {}

    // False once there is nothing left to do.
    bool talk();
    bool drain();

    std::shared_ptr<void> lease;
    std::string words;
    std::size_t said = 0;
    std::size_t thrown_away = 0;
    bool shut = false;
    Fd fd;
    Watch watch;
    Deadline deadline;
};

static bool only_later() {
    return errno == EAGAIN || errno == EINTR;
}

bool Farewells::Farewell::talk() {
    if (said < words.size()) {
        const ssize_t sent =
            send(fd.get(), words.data() + said, words.size() - said, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0) return only_later();
        said += static_cast<std::size_t>(sent);
        if (said < words.size()) return true;
    }
    if (!std::exchange(shut, true) && shutdown(fd.get(), SHUT_WR) < 0) return false;
    return drain();
}

bool Farewells::Farewell::drain() {
    std::array<char, 8192> waste;
    const ssize_t got = recv(fd.get(), waste.data(), waste.size(), MSG_DONTWAIT);
    if (got < 0) return only_later();
    thrown_away += static_cast<std::size_t>(got);
    return got > 0 && thrown_away < kMostInput;
}

Farewells::Farewells(EventLoop& loop, Duration idle) : loop_(loop), idle_(idle) {}

Farewells::~Farewells() = default;

std::size_t Farewells::count() const {
    return items_.size();
}

void Farewells::clear() {
    items_.clear();
}

void Farewells::say(Fd fd, std::string words, std::shared_ptr<void> lease,
                    const Patience& patience) {
    items_.emplace_back(std::move(fd), std::move(words), std::move(lease));
    begin(std::prev(items_.end()), patience);
}

std::vector<FarewellState> Farewells::states() const {
    std::vector<FarewellState> states;
    for (const Farewell& item : items_)
        states.push_back({.fd = item.fd.get(),
                          .words = item.words.substr(item.said),
                          .shut = item.shut,
                          .thrown_away = item.thrown_away});
    return states;
}

void Farewells::resume(const FarewellState& state) {
    items_.emplace_back(Fd(state.fd), std::string(state.words), nullptr);
    const Handle item = std::prev(items_.end());
    item->shut = state.shut;
    item->thrown_away = state.thrown_away;
    begin(item, {});
}

void Farewells::forget(Handle item) {
    items_.erase(item);
}

void Farewells::begin(Handle item, const Patience& patience) {
    if (!item->talk()) return forget(item);
    try {
        item->watch = loop_.watch(item->fd.get(), item->shut ? EPOLLIN : EPOLLOUT,
                                  [this, item](std::uint32_t) { turn(item); });
    } catch (const std::system_error&) {
        // epoll(7) ENOSPC: nothing is left but to close with whatever was said.
        return forget(item);
    }
    item->deadline.start(loop_, shorter({.idle = idle_}, patience), [this, item] { forget(item); });
}

void Farewells::turn(Handle item) {
    const std::size_t said = item->said;
    const bool shut = item->shut;
    if (!item->talk()) return forget(item);
    // Input is no progress: a peer that goes on sending must not keep the connection for ever.
    if (item->said != said) item->deadline.touch();
    if (item->shut != shut) item->watch.set_events(EPOLLIN);
}

} // namespace inetd
