#pragma once

#include "base/fd.h"
#include "base/result.h"

#include <cstdint>
#include <functional>

namespace inetd {

// A process that does for the daemon what may take long or may go wrong, and is told what by way of
// a socket of messages. It is a fork, with a copy of the daemon's memory, but with none of its
// descriptors and no capability. It ends when the socket is closed, and with the daemon; it is a
// child that the daemon has to reap.
struct WorkerProcess {
    Fd socket; // non-blocking, close-on-exec
    Fd pidfd;
};

// Who it is where the daemon is root.
enum class WorkerUser : std::uint8_t {
    nobody,            // or it does not start
    nobody_if_allowed, // or root: for work behind a filter by which that means nothing
};

// `name`: as ps(1) shows it, at most 15 characters. `work` is called there, with the other end of
// the socket, which blocks; when it returns or throws, the process ends.
[[nodiscard]] Result<WorkerProcess> start_worker(const char* name, WorkerUser user,
                                                 const std::function<void(int socket)>& work);

} // namespace inetd
