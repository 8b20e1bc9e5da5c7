#pragma once

#include "base/fd.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>
#include <sys/wait.h>
#include <utility>
#include <vector>

namespace inetd {

// How a child ended.
struct ChildEnd {
    pid_t pid = 0;
    int how = CLD_EXITED; // CLD_EXITED, CLD_KILLED or CLD_DUMPED
    int status = 0;       // exit status, or the signal

    [[nodiscard]] bool succeeded() const { return how == CLD_EXITED && status == 0; }
    // "exit 0", "killed by SIGSEGV (core dumped)"
    [[nodiscard]] std::string text() const;
};

// One child that has ended, never waiting for one: the only waitid(2) of the program. Also ends of
// processes that nobody here started, if we are PID 1.
std::optional<ChildEnd> reap_one();

// Every child leads a process group of its own, so this reaches what it has started too.
void signal_child(pid_t pid, int signal);

// The children that live, with what their starter wants to know at their end.
template<typename Child>
class ChildTable {
  public:
    // `pid` is none of these: the kernel gives no number again that was not reaped.
    void add(pid_t pid, Child child) {
        children_.insert(place_of(pid), std::make_unique<Entry>(pid, std::move(child)));
    }

    // Takes the child out; nothing if it was not one of these.
    std::optional<Child> take(pid_t pid) {
        const auto place = place_of(pid);
        if (place == children_.end() || (*place)->first != pid) return std::nullopt;
        std::optional<Child> child(std::move((*place)->second));
        children_.erase(place);
        return child;
    }
    [[nodiscard]] bool has(pid_t pid) const { return find(pid) != nullptr; }
    // Stays where it is until it is taken.
    [[nodiscard]] const Child* find(pid_t pid) const {
        const auto place = place_of(pid);
        return place == children_.end() || (*place)->first != pid ? nullptr : &(*place)->second;
    }
    [[nodiscard]] std::size_t size() const { return children_.size(); }
    // Pointers to pairs of pid and child, in the order of pids.
    [[nodiscard]] const auto& all() const { return children_; }

  private:
    using Entry = std::pair<const pid_t, Child>;

    [[nodiscard]] auto place_of(pid_t pid) const {
        return std::ranges::lower_bound(children_, pid, {},
                                        [](const auto& entry) { return entry->first; });
    }

    // Sorted by pid. Those mostly ascend, so that a new child comes last.
    std::vector<std::unique_ptr<Entry>> children_;
};

} // namespace inetd
