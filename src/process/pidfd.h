#pragma once

#include "base/fd.h"

#include <optional>
#include <sys/types.h>

namespace inetd {

// A descriptor that stands for a process and is readable when that has ended, pidfd_open(2). Empty
// where the process is gone or the kernel too old (5.3).
[[nodiscard]] Fd open_process(pid_t pid);

// The process that a pidfd stands for; nothing if it has ended or it is not a pidfd.
[[nodiscard]] std::optional<pid_t> process_of(int pidfd);

void signal_process(int pidfd, int signal);

} // namespace inetd
