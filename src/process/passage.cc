#include "process/passage.h"

#include <array>
#include <cstring>
#include <sys/socket.h>

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

void Passage::close() {
    send_.reset();
    receive_.reset();
}

} // namespace inetd
