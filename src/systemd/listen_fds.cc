#include "systemd/listen_fds.h"

#include "base/text.h"

#include <cstdint>
#include <cstdlib>
#include <fcntl.h>
#include <fmt/core.h>
#include <optional>
#include <unistd.h>

namespace inetd {

static constexpr int kFirst = 3; // SD_LISTEN_FDS_START

static std::optional<std::string> take_variable(const char* name) {
    const char* value = std::getenv(name);
    if (value == nullptr) return std::nullopt;
    std::string text(value);
    unsetenv(name);
    return text;
}

ListenFds take_listen_fds() {
    ListenFds taken;
    const auto pid = take_variable("LISTEN_PID");
    const auto count = take_variable("LISTEN_FDS");
    const auto names = take_variable("LISTEN_FDNAMES");
    if (!count) return taken;
    const auto whose = to_number<pid_t>(pid.value_or(""), 1, INT32_MAX);
    if (!whose) {
        taken.problems.push_back(fmt::format("LISTEN_PID=\"{}\" is not a process: nothing is taken",
                                             escaped(pid.value_or(""))));
        return taken;
    }
    // Not ours but inherited from somebody who was.
    if (*whose != getpid()) return taken;
    const auto wanted = to_number<int>(*count, 0, INT32_MAX - kFirst);
    if (!wanted) {
        taken.problems.push_back(
            fmt::format("LISTEN_FDS=\"{}\" is not a number: nothing is taken", escaped(*count)));
        return taken;
    }
    const auto called = split(names ? *names : std::string_view(), ':');
    for (int i = 0; i < *wanted; ++i) {
        const int fd = kFirst + i;
        if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
            taken.problems.push_back(fmt::format(
                "LISTEN_FDS={}, but descriptor {} is not open: {} taken", *wanted, fd, i));
            break;
        }
        const auto at = static_cast<std::size_t>(i);
        const bool named = at < called.size() && !called[at].empty();
        taken.fds.push_back({Fd(fd), named ? std::string(called[at]) : "unknown"});
    }
    return taken;
}

} // namespace inetd
