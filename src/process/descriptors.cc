#include "process/descriptors.h"

#include <filesystem>
#include <iterator>
#include <sys/resource.h>
#include <sys/stat.h>

namespace inetd {

std::size_t count_descriptors() {
    // Since Linux 6.2 the size of the directory is the number, proc_pid_fd(5).
    struct stat status {};
    if (stat("/proc/self/fd", &status) == 0 && status.st_size > 0)
        return static_cast<std::size_t>(status.st_size);
    std::error_code error;
    const std::filesystem::directory_iterator entries("/proc/self/fd", error);
    if (error) return 0;
    // One of them is that of the directory.
    return static_cast<std::size_t>(std::distance(begin(entries), end(entries))) - 1;
}

std::optional<DescriptorLimit> raise_descriptor_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return std::nullopt;
    DescriptorLimit found{.soft = limit.rlim_cur, .hard = limit.rlim_max};
    limit.rlim_cur = limit.rlim_max;
    found.raised = found.soft != found.hard && setrlimit(RLIMIT_NOFILE, &limit) == 0;
    return found;
}

} // namespace inetd
