#include "process/pidfd.h"

#include "base/text.h"

#include <array>
#include <cstdint>
#include <fcntl.h>
#include <fmt/core.h>
#include <string_view>
#include <sys/syscall.h>

namespace inetd {

Fd open_process(pid_t pid) {
    return Fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
}

// pidfd_open(2) knows no other way back: the line "Pid:" in the descriptor's entry of proc(5),
// which is -1 for a process that has ended.
std::optional<pid_t> process_of(int pidfd) {
    const Fd file(open(fmt::format("/proc/self/fdinfo/{}", pidfd).c_str(), O_RDONLY | O_CLOEXEC));
    std::array<char, 1024> buffer{};
    const ssize_t size = file ? read(file.get(), buffer.data(), buffer.size()) : -1;
    if (size <= 0) return std::nullopt;
    for (const std::string_view line :
         split({buffer.data(), static_cast<std::size_t>(size)}, '\n')) {
        if (line.starts_with("Pid:\t")) return to_number<pid_t>(line.substr(5), 1, INT32_MAX);
    }
    return std::nullopt;
}

void signal_process(int pidfd, int signal) {
    syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0);
}

} // namespace inetd
