#pragma once

#include <ctime>

namespace inetd {

// clock_gettime(2) of vdso(7): no system call, no errno, and nothing of libc, so that a child that
// is in our memory may call it. Null where there is none.
using VdsoClock = int (*)(clockid_t, timespec*);
[[nodiscard]] VdsoClock vdso_clock();

} // namespace inetd
