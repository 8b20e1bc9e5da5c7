// A server for lines with "wait" or of datagrams: one client, or one datagram, gets back what it
// sends, and that is all.

#include <array>
#include <sys/socket.h>
#include <unistd.h>

int main() {
    static std::array<char, 65536> room;
    int listens = 0;
    socklen_t length = sizeof listens;
    if (getsockopt(0, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) != 0) return 1;
    const int from = listens != 0 ? accept(0, nullptr, nullptr) : 0;
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    auto* name = reinterpret_cast<sockaddr*>(&peer);
    const ssize_t got = recvfrom(from, room.data(), room.size(), 0, name, &size);
    if (got < 0) return 1;
    if (listens != 0) size = 0;
    const auto length_of_it = static_cast<std::size_t>(got);
    return sendto(from, room.data(), length_of_it, 0, size != 0 ? name : nullptr, size) == got ? 0
                                                                                               : 1;
}
