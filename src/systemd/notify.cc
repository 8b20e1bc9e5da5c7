#include "systemd/notify.h"

#include "base/address.h"
#include "base/text.h"

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

namespace inetd {

NotifySocket::NotifySocket() {
    const char* path = std::getenv("NOTIFY_SOCKET");
    const auto address = path != nullptr ? SocketAddress::unix_path(path) : std::nullopt;
    if (!address) return;
    fd_.reset(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (fd_ && connect(fd_.get(), address->data(), address->size()) != 0) fd_.reset();
}

void NotifySocket::send(std::string state) {
    if (!fd_) return;
    pending_.push_back(std::move(state));
    resend();
}

bool NotifySocket::resend() {
    while (!pending_.empty()) {
        const std::string& state = pending_.front();
        if (::send(fd_.get(), state.data(), state.size(), MSG_NOSIGNAL) < 0) {
            if (errno == EAGAIN || errno == EINTR || errno == ENOBUFS) return false;
            // A supervisor that cannot be told at all has gone; there is nothing to do about it.
        }
        pending_.pop_front();
    }
    return true;
}

std::string reloading_state() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return fmt::format("RELOADING=1\nMONOTONIC_USEC={}",
                       now.tv_sec * 1'000'000 + now.tv_nsec / 1'000);
}

std::chrono::microseconds watchdog_interval() {
    const char* interval = std::getenv("WATCHDOG_USEC");
    const char* pid = std::getenv("WATCHDOG_PID");
    if (interval == nullptr) return {};
    if (pid != nullptr && to_number<pid_t>(pid, 1, INT32_MAX) != getpid()) return {};
    return std::chrono::microseconds(to_number<std::int64_t>(interval, 1, INT64_MAX).value_or(0));
}

} // namespace inetd
