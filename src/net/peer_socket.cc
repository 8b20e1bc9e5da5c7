#include "net/peer_socket.h"

#include "net/socket.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <netinet/ip.h>

// A UDP socket has one queue for all its peers, and a child that shared it with the daemon would
// race with it for every datagram; that race is why "dgram nowait" serves twice or loses in older
// super-servers. Here each peer gets a socket of its own, bound to the same port and connected,
// which the kernel prefers over the listener for that peer from then on (SO_REUSEPORT, socket(7):
// only processes of our own user may join). What the peer had sent before is read from the listener
// and put back into the new socket's queue.
//
// Between bind and connect the new socket takes from anybody. So it is emptied right after connect,
// and what is found in it is sorted like the listener's own: these are the strays.

namespace inetd {

static constexpr std::size_t kLargest = 65536;
static constexpr std::size_t kDatagramsPerBatch = 64;

struct PeerSplitter::Head {
    SocketAddress peer;
    SocketAddress local; // port 0 until the caller sets it
    ssize_t size = -1;   // -1 and errno: nothing there
};

static SocketAddress local_address(const msghdr& message) {
    for (const cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
         header = CMSG_NXTHDR(const_cast<msghdr*>(&message), const_cast<cmsghdr*>(header))) {
        if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) {
            in_pktinfo info{};
            std::memcpy(&info, CMSG_DATA(header), sizeof info);
            sockaddr_in address{};
            address.sin_family = AF_INET;
            address.sin_addr = info.ipi_spec_dst;
            return {&address, sizeof address};
        }
        if (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_PKTINFO) {
            in6_pktinfo info{};
            std::memcpy(&info, CMSG_DATA(header), sizeof info);
            sockaddr_in6 address{};
            address.sin6_family = AF_INET6;
            address.sin6_addr = info.ipi6_addr;
            if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
                address.sin6_scope_id = static_cast<std::uint32_t>(info.ipi6_ifindex);
            return {&address, sizeof address};
        }
    }
    return {};
}

static ssize_t receive(int fd, std::vector<char>& buffer, int flags, SocketAddress& peer,
                       SocketAddress& local) {
    iovec part{buffer.data(), buffer.size()};
    alignas(cmsghdr) std::array<char, 256> control{};
    msghdr message{};
    message.msg_name = peer.room();
    message.msg_namelen = SocketAddress::kRoom;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t size = recvmsg(fd, &message, flags | MSG_DONTWAIT);
    if (size >= 0) {
        peer.set_size(message.msg_namelen);
        peer = peer.unmapped();
        local = local_address(message).unmapped();
    }
    return size;
}

static Result<PeerSocket> open_peer_socket(const SocketAddress& peer, const SocketAddress& local,
                                           const ListenSpec& spec, const SocketOptions& options) {
    ListenSpec own = spec;
    own.address = local;
    own.dual_stack = false;
    auto fd = open_socket(own, options, share_port);
    if (!fd) return fd.error();
    if (connect(fd->get(), peer.data(), peer.size()) != 0)
        return errno_error("connect to " + peer.to_string());
    set_blocking(fd->get(), true);
    return PeerSocket{std::move(*fd), peer, local};
}

static bool is_exhaustion(int code) {
    return code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM;
}

PeerSplitter::Step PeerSplitter::take_next(int listener, const ListenSpec& spec,
                                           const SocketOptions& options, const Decide& decide,
                                           std::vector<Pending>& pending, Batch& batch) {
    Head head;
    head.size = receive(listener, buffer_, MSG_PEEK, head.peer, head.local);
    // An error such as ECONNREFUSED is of a datagram sent earlier; it is gone once it was told.
    if (head.size < 0) return errno == EAGAIN ? Step::stop : Step::go_on;
    if (head.local.family() == AF_UNSPEC) head.local = spec.address;
    head.local.set_port(static_cast<std::uint16_t>(spec.address.port()));

    auto known = std::find_if(pending.begin(), pending.end(), [&](const Pending& item) {
        return item.socket.peer == head.peer && item.socket.local == head.local;
    });
    std::size_t fresh = pending.size();
    if (known == pending.end()) {
        switch (decide(head.peer, false)) {
        case Verdict::leave:
            return Step::stop;
        case Verdict::drop:
            receive(listener, buffer_, 0, head.peer, head.local);
            return Step::go_on;
        case Verdict::serve:
            break;
        }
        auto socket = open_peer_socket(head.peer, head.local, spec, options);
        if (!socket) {
            batch.errors.push_back(socket.error().text());
            batch.exhausted = is_exhaustion(socket.error().code);
            pending.push_back({PeerSocket{Fd(), head.peer, head.local}, {}});
            if (batch.exhausted) return Step::stop;
        } else {
            pending.push_back({std::move(*socket), {}});
        }
    } else {
        fresh = static_cast<std::size_t>(known - pending.begin());
    }
    SocketAddress peer;
    SocketAddress local;
    const ssize_t size = receive(listener, buffer_, 0, peer, local);
    if (size >= 0)
        pending[fresh].payloads.emplace_back(buffer_.data(), static_cast<std::size_t>(size));
    if (known == pending.end()) take_strays(fresh, spec, options, decide, pending, batch);
    return Step::go_on;
}

void PeerSplitter::take_strays(std::size_t of, const ListenSpec& spec, const SocketOptions& options,
                               const Decide& decide, std::vector<Pending>& pending, Batch& batch) {
    const int fd = pending[of].socket.fd.get();
    const SocketAddress local = pending[of].socket.local;
    for (;;) {
        SocketAddress peer;
        SocketAddress unused;
        const ssize_t size = fd >= 0 ? receive(fd, buffer_, 0, peer, unused) : -1;
        if (size < 0) return;
        keep_stray(peer, {buffer_.data(), static_cast<std::size_t>(size)}, spec, options, decide,
                   local, pending, batch);
    }
}

// A stray cannot be left in the kernel any more: it is served even if the service has become full.
void PeerSplitter::keep_stray(const SocketAddress& peer, std::string payload,
                              const ListenSpec& spec, const SocketOptions& options,
                              const Decide& decide, const SocketAddress& local,
                              std::vector<Pending>& pending, Batch& batch) {
    for (Pending& item : pending) {
        if (item.socket.peer == peer && item.socket.local == local) {
            item.payloads.push_back(std::move(payload));
            return;
        }
    }
    if (decide(peer, true) != Verdict::serve) return;
    auto socket = open_peer_socket(peer, local, spec, options);
    if (!socket) {
        batch.errors.push_back(socket.error().text());
        pending.push_back({PeerSocket{Fd(), peer, local}, {}});
        return;
    }
    pending.push_back({std::move(*socket), {std::move(payload)}});
    take_strays(pending.size() - 1, spec, options, decide, pending, batch);
}

PeerSplitter::Batch PeerSplitter::split(int listener, const ListenSpec& spec,
                                        const SocketOptions& options, const Decide& decide) {
    buffer_.resize(kLargest);
    Batch batch;
    std::vector<Pending> pending;
    for (std::size_t i = 0; i < kDatagramsPerBatch; ++i) {
        if (take_next(listener, spec, options, decide, pending, batch) == Step::stop) break;
    }
    for (Pending& item : pending) {
        for (const std::string& payload : item.payloads) {
            if (!item.socket.fd) continue;
            if (!injector_.inject(item.socket.fd.get(), spec.protocol, item.socket.peer,
                                  item.socket.local, payload))
                batch.errors.push_back("a datagram of " + item.socket.peer.to_string() +
                                       " could not be handed over");
        }
        batch.peers.push_back(std::move(item.socket));
    }
    return batch;
}

} // namespace inetd
