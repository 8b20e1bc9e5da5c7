#include "process/passage.h"

#include <array>
#include <cstring>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace inetd {

bool Passage::open() {
    if (send_) return true;
    std::array<int, 2> pair{};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()) != 0) return false;
    send_.reset(pair[0]);
    receive_.reset(pair[1]);
    return true;
}

bool Passage::put(int first, int second) const {
    const std::array<int, 2> descriptors{first, second};
    const std::size_t size = (second < 0 ? 1 : 2) * sizeof(int);
    char byte = 0;
    iovec part{&byte, 1};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(2 * sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(size);
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(size);
    std::memcpy(CMSG_DATA(header), descriptors.data(), size);
    return sendmsg(send_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT) == 1;
}

void Passage::empty() const {
    char byte = 0;
    iovec part{&byte, 1};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    // Without room for them the kernel closes the descriptors itself, unix(7).
    while (recvmsg(receive_.get(), &message, MSG_DONTWAIT) >= 0) {
    }
}

void Passage::raise_entrance(int above) {
    if (Fd high(fcntl(send_.get(), F_DUPFD_CLOEXEC, above)); high) send_ = std::move(high);
}

void Passage::lower_exit() {
    Fd low(fcntl(receive_.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
    if (low && low.get() < receive_.get()) receive_ = std::move(low);
}

} // namespace inetd
