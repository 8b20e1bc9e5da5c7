#pragma once

#include "base/result.h"

namespace inetd {

// From now on this process, and whatever it forks, can make no system calls but those that a daemon
// with nothing but built-ins makes: none by which one executes a program, becomes somebody else,
// traces, mounts, or loads code into the kernel. The others fail with ENOSYS, for which libc has a
// way around where the call was just newer than this list. Takes no_new_privs, seccomp(2). Cannot
// be undone. Error, with ENOSYS: not made for this processor, or the kernel has no filters.
Result<void> filter_calls();
// The same for a process that only calculates, on descriptors that it has: it can read, write,
// allocate and end. Any other call kills it, with SIGSYS.
Result<void> filter_calls_to_parse();
// Whether they can be had here.
[[nodiscard]] bool can_filter_calls();
// Whether one of them has been done, by us or by whoever started us.
[[nodiscard]] bool calls_are_filtered();

} // namespace inetd
