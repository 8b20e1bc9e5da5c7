#include "server/way_back.h"

#include <algorithm>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace inetd {

static constexpr rlim_t kForTheStart = 256;

WayBack::WayBack(const Handover& handover) {
    const std::vector<int> all = descriptors_of(handover);
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    if (2 * all.size() + kForTheStart > limit.rlim_cur) return;
    // What is low is left to the new binary's spawner, whose children copy all below it; unless
    // there is no room above.
    const rlim_t end = all.empty() ? 3 : static_cast<rlim_t>(std::ranges::max(all)) + 1;
    const int above = end + all.size() + kForTheStart > limit.rlim_cur ? 3 : static_cast<int>(end);
    for (const int fd : all) {
        // fcntl_locking(2): the lock goes when any descriptor of the file is closed.
        if (fd == handover.pid_file) continue;
        if (Fd copy(fcntl(fd, F_DUPFD_CLOEXEC, above)); copy)
            copies_.emplace_back(fd, std::move(copy));
    }
}

void WayBack::restore() const {
    for (const auto& [fd, copy] : copies_)
        dup3(copy.get(), fd, O_CLOEXEC);
}

} // namespace inetd
