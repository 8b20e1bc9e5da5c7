#include "systemd/notify.h"

#include "base/address.h"
#include "base/text.h"

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/socket.h>
#include <unistd.h>

namespace inetd {

NotifySocket::NotifySocket() {
    const char* path = std::getenv("NOTIFY_SOCKET");
    // sd_notify(3) knows no other that is a name of a unix socket.
    if (path == nullptr || (*path != '/' && *path != '@')) return;
    address_ = SocketAddress::unix_path(path);
    open();
}

// There is no socket by that name, so nobody who has started us listens there. It is another thing
// if he refuses (ECONNREFUSED, EACCES): a supervisor that is just changing its own binary does.
static bool is_for_good(int code) {
    return code == ENOENT || code == ENOTDIR || code == ELOOP || code == EINVAL ||
           code == EPROTOTYPE;
}

// False with errno.
bool NotifySocket::open() {
    if (!address_) {
        errno = ENOTCONN;
        return false;
    }
    Fd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (fd && connect(fd.get(), address_->data(), address_->size()) == 0) {
        fd_ = std::move(fd);
        return true;
    }
    if (is_for_good(errno)) address_.reset();
    return false;
}

// False with errno, as sendmsg(2).
static bool send_message(int to, const std::string& state, int descriptor) {
    iovec part{const_cast<char*>(state.data()), state.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (descriptor >= 0) {
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        cmsghdr* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
    }
    return sendmsg(to, &message, MSG_NOSIGNAL) >= 0;
}

// ETOOMANYREFS: too many descriptors are on their way, unix(7).
static bool is_passing(int code) {
    return code == EAGAIN || code == EINTR || code == ENOBUFS || code == ENOMEM ||
           code == ETOOMANYREFS || code == EMFILE || code == ENFILE;
}

bool NotifySocket::send_now(const std::string& state, int descriptor) {
    return (fd_ || open()) && send_message(fd_.get(), state, descriptor);
}

void NotifySocket::send(std::string state, int descriptor) {
    if (!present()) return;
    if (pending_.empty() && send_now(state, descriptor)) return;
    // It has to go even if the caller closes his meanwhile.
    Fd copy(descriptor < 0 ? -1 : fcntl(descriptor, F_DUPFD_CLOEXEC, 0));
    if (descriptor >= 0 && !copy) return;
    pending_.push_back({std::move(state), std::move(copy)});
    resend();
}

NotifySocket::Outcome NotifySocket::resend() {
    while (!pending_.empty()) {
        const Message& message = pending_.front();
        if (!send_now(message.state, message.descriptor.get())) {
            if (errno == EAGAIN && fd_) return Outcome::full;
            if (is_passing(errno)) return Outcome::later;
            // A supervisor that cannot be told at all has gone; there is nothing to do about it.
        }
        pending_.pop_front();
    }
    return Outcome::done;
}

std::string store_state(const std::string& name, bool polled) {
    return fmt::format("FDSTORE=1\nFDNAME={}{}", name, polled ? "" : "\nFDPOLL=0");
}

std::string unstore_state(const std::string& name) {
    return fmt::format("FDSTOREREMOVE=1\nFDNAME={}", name);
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
