#pragma once

#include "process/children.h"

#include <functional>
#include <string>
#include <sys/types.h>

namespace inetd {

// Writes the daemon's state to a file when somebody asks for it, one file at a time, and logs what
// came of it.
class StateDump {
  public:
    // `text` is called in a child with a copy of our memory.
    explicit StateDump(std::function<std::string()> text) : text_(std::move(text)) {}

    void start(const std::string& path);
    // For each end of a process that is no server's.
    void ended(const ChildEnd& end);

  private:
    std::function<std::string()> text_;
    std::string path_;
    pid_t writer_ = 0;
};

} // namespace inetd
