#pragma once

#include "event/loop.h"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <iterator>
#include <list>
#include <utility>

namespace inetd {

// Owns items in the order in which they were last active, so that one timer, set for the oldest,
// does for all of them and activity costs one splice. An Item has a public `TimePoint touched`,
// which is the list's to write. Handles stay valid until their item is removed.
template<typename Item>
class IdleList {
  public:
    using Handle = typename std::list<Item>::iterator;

    // An item that was not touched for `limit` (zero: there is no limit) is given to `expired`,
    // which has to remove it, and may destroy the list.
    IdleList(EventLoop& loop, Duration limit, std::function<void(Handle)> expired)
        : loop_(loop), limit_(limit), expired_(std::move(expired)) {}

    template<typename... Args>
    Handle add(Args&&... args) {
        items_.emplace_back(std::forward<Args>(args)...);
        const Handle added = std::prev(items_.end());
        added->touched = loop_.now();
        if (limit_ > Duration::zero() && !timer_) arm(limit_);
        return added;
    }

    void touch(Handle item) {
        item->touched = loop_.now();
        items_.splice(items_.end(), items_, item);
    }

    void remove(Handle item) {
        items_.erase(item);
        if (items_.empty()) timer_.reset();
    }

    void clear() {
        timer_.reset();
        items_.clear();
    }

    [[nodiscard]] std::size_t size() const { return items_.size(); }
    [[nodiscard]] bool empty() const { return items_.empty(); }
    [[nodiscard]] auto begin() const { return items_.begin(); }
    [[nodiscard]] auto end() const { return items_.end(); }
    [[nodiscard]] Handle begin() { return items_.begin(); }
    [[nodiscard]] Handle end() { return items_.end(); }
    // The one that has been idle longest; only if not empty.
    [[nodiscard]] Handle oldest() { return items_.begin(); }

  private:
    void arm(Duration delay) {
        timer_ = loop_.after(std::max(delay, Duration::zero()), [this] { expire(); });
    }

    [[nodiscard]] Duration left(Handle item) const { return item->touched + limit_ - loop_.now(); }

    // One item a call: thousands that expire together do not hold up the loop, and nothing is
    // touched after a callback that may have destroyed the list.
    void expire() {
        if (items_.empty()) return;
        const Handle oldest = items_.begin();
        if (left(oldest) > Duration::zero()) {
            arm(left(oldest));
            return;
        }
        if (const Handle next = std::next(oldest); next != items_.end()) arm(left(next));
        expired_(oldest);
    }

    EventLoop& loop_;
    Duration limit_;
    std::function<void(Handle)> expired_;
    std::list<Item> items_;
    Timer timer_;
};

} // namespace inetd
