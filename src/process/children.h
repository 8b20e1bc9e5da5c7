#pragma once

#include "base/fd.h"

#include <optional>
#include <string>
#include <sys/types.h>
#include <sys/wait.h>
#include <unordered_map>
#include <utility>

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

// Every child leads a session of its own, so this reaches what it has started too.
void signal_child(pid_t pid, int signal);

// The children that live, with what their starter wants to know at their end.
template<typename Child>
class ChildTable {
  public:
    void add(pid_t pid, Child child) { children_.emplace(pid, std::move(child)); }

    // Takes the child out; nothing if it was not one of these.
    std::optional<Child> take(pid_t pid) {
        auto node = children_.extract(pid);
        if (node.empty()) return std::nullopt;
        return std::move(node.mapped());
    }
    [[nodiscard]] bool has(pid_t pid) const { return children_.contains(pid); }
    [[nodiscard]] const Child* find(pid_t pid) const {
        const auto found = children_.find(pid);
        return found == children_.end() ? nullptr : &found->second;
    }
    [[nodiscard]] std::size_t size() const { return children_.size(); }
    [[nodiscard]] auto begin() const { return children_.begin(); }
    [[nodiscard]] auto end() const { return children_.end(); }

  private:
    std::unordered_map<pid_t, Child> children_;
};

} // namespace inetd
