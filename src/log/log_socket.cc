#include "log/log_socket.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <utility>

namespace inetd::log {

static constexpr std::size_t kMostKept = std::size_t{1} << 20; // bytes
static constexpr std::size_t kMostMessages = 4096;

LogSocket::LogSocket(std::string_view path)
    : address_(SocketAddress::unix_path(path).value_or(SocketAddress())),
      fd_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {}

Result<void> LogSocket::connect() {
    // A datagram socket may be connected again, and its descriptor stays the same.
    connected_ = ::connect(fd_.get(), address_.data(), address_.size()) == 0;
    if (!connected_) return errno_error("connect " + address_.to_string());
    return {};
}

LogSocket::Outcome LogSocket::send_now(std::string_view datagram) {
    // The second time after a restart of the reader, whose new socket has the same path.
    for (int attempt = 0; attempt < 2; ++attempt) {
        if (!connected_ && !connect()) return Outcome::later;
        if (::send(fd_.get(), datagram.data(), datagram.size(), MSG_NOSIGNAL) >= 0)
            return Outcome::sent;
        if (errno == EMSGSIZE) return send_in_memory(datagram);
        if (errno == EAGAIN || errno == EINTR || errno == ENOBUFS || errno == ENOMEM)
            return Outcome::later;
        connected_ = false;
    }
    return Outcome::later;
}

// What is too large for a datagram goes as a file of memory that nobody can change any more. Only
// the journal knows this form; for others it is not worth more than a message that is lost.
LogSocket::Outcome LogSocket::send_in_memory(std::string_view datagram) {
    const Fd memory(memfd_create("inetd-journal", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!memory) return Outcome::hopeless;
    for (std::string_view rest = datagram; !rest.empty();) {
        const ssize_t size = ::write(memory.get(), rest.data(), rest.size());
        if (size <= 0) return Outcome::hopeless;
        rest.remove_prefix(static_cast<std::size_t>(size));
    }
    constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
    if (fcntl(memory.get(), F_ADD_SEALS, kSeals) != 0) return Outcome::hopeless;

    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr message{};
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    const int descriptor = memory.get();
    std::memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
    if (sendmsg(fd_.get(), &message, MSG_NOSIGNAL) >= 0) return Outcome::sent;
    return errno == EAGAIN ? Outcome::later : Outcome::hopeless;
}

void LogSocket::send(std::string_view datagram) {
    if (kept_.empty()) {
        const Outcome outcome = send_now(datagram);
        if (outcome == Outcome::sent) return;
        if (outcome == Outcome::hopeless) {
            ++lost_;
            return;
        }
    }
    if (kept_.size() >= kMostMessages || kept_bytes_ + datagram.size() > kMostKept) {
        ++lost_;
        return;
    }
    kept_bytes_ += datagram.size();
    kept_.emplace_back(datagram);
}

Rest LogSocket::flush() {
    const std::size_t before = kept_.size();
    while (!kept_.empty()) {
        const Outcome outcome = send_now(kept_.front());
        if (outcome == Outcome::later) return kept_.size() < before ? Rest::less : Rest::same;
        if (outcome == Outcome::hopeless) ++lost_;
        kept_bytes_ -= kept_.front().size();
        kept_.pop_front();
    }
    return Rest::none;
}

unsigned long LogSocket::take_lost() {
    return std::exchange(lost_, 0);
}

} // namespace inetd::log
