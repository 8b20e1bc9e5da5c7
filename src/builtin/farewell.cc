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
    [[nodiscard]] std::size_t left() const { return words.size() - said; }
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
        std::string().swap(words);
        said = 0;
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

Farewells::ConstHandle Farewells::find_slowest() const {
    ConstHandle slowest = items_.end();
    for (ConstHandle item = items_.begin(); item != items_.end(); ++item) {
        if (item->words.empty()) continue;
        if (slowest == items_.end() || item->deadline.touched() < slowest->deadline.touched())
            slowest = item;
    }
    return slowest;
}

std::optional<Farewells::Slowest> Farewells::slowest() const {
    const ConstHandle found = find_slowest();
    if (found == items_.end()) return std::nullopt;
    return Slowest{.since = found->deadline.touched(), .held = found->words.size()};
}

void Farewells::give_up_slowest() {
    const ConstHandle slowest = find_slowest();
    held_ -= slowest->words.size();
    items_.erase(slowest);
}

void Farewells::clear() {
    items_.clear();
    held_ = 0;
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
    held_ -= item->words.size();
    items_.erase(item);
}

// False once there is nothing left to do.
bool Farewells::talk(Handle item) {
    const std::size_t before = item->words.size();
    const bool goes_on = item->talk();
    held_ -= before - item->words.size();
    return goes_on;
}

void Farewells::begin(Handle item, const Patience& patience) {
    held_ += item->words.size();
    if (!talk(item)) return forget(item);
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
    const std::size_t left = item->left();
    const bool shut = item->shut;
    if (!talk(item)) return forget(item);
    // Input is no progress: a peer that goes on sending must not keep the connection for ever.
    if (item->left() != left) item->deadline.touch();
    if (item->shut != shut) item->watch.set_events(EPOLLIN);
}

} // namespace inetd
