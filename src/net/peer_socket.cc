#include "net/peer_socket.h"

#include "net/queue.h"
#include "net/socket.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <linux/filter.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>

// A UDP socket has one queue for all its peers, and a child that shared it with the daemon would
// race with it for every datagram; that race is why "dgram nowait" serves twice or loses in older
// super-servers. Here each peer gets a socket of its own, bound to the same port and connected,
// which the kernel prefers over all others for that peer from then on (SO_REUSEPORT, socket(7):
// only processes of our own user may join). What the peer had sent before is read from the listener
// and put back into the new socket's queue.
//
// Between bind and connect the new socket takes from anybody. What came in that moment is taken out
// of it again and sorted like the listener's own: the strays. They are looked for right after
// connect, and again when the whole batch has been read, because another processor may have chosen
// the socket before connect and be late in queueing. By then a filter lets in the socket's own peer
// only: one that is later still is lost, as UDP may, but never read by the wrong child.

namespace inetd {

static constexpr std::size_t kLargest = 65536;
// As far as possible until the queue is empty: what stays would be overtaken by what comes
// directly.
static constexpr std::size_t kDatagramsPerBatch = 1024;

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
    AddressRoom sender;
    message.msg_name = sender.data();
    message.msg_namelen = sender.size;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t size = recvmsg(fd, &message, flags | MSG_DONTWAIT);
    if (size >= 0) {
        peer = SocketAddress(sender.data(), message.msg_namelen).unmapped();
        local = local_address(message).unmapped();
    }
    return size;
}

static sock_filter load(std::uint16_t size, std::uint32_t offset) {
    return {static_cast<std::uint16_t>(BPF_LD | size | BPF_ABS), 0, 0, offset};
}

// A filter of a UDP socket sees the packet from its UDP header on, and the IP header by
// SKF_NET_OFF.
static void admit_only_peer(const PeerSocket& socket, std::vector<std::string>& errors) {
    const SocketAddress& peer = socket.peer;
    std::vector<std::pair<sock_filter, std::uint32_t>> tests;
    tests.emplace_back(load(BPF_H, 0), peer.port());
    const auto network = static_cast<std::uint32_t>(SKF_NET_OFF);
    if (peer.family() == AF_INET) {
        tests.emplace_back(load(BPF_W, network + offsetof(iphdr, saddr)),
                           ntohl(peer.v4().sin_addr.s_addr));
    } else {
        std::uint32_t offset = network + offsetof(ip6_hdr, ip6_src);
        for (const std::uint32_t word : peer.v6().sin6_addr.s6_addr32) {
            tests.emplace_back(load(BPF_W, offset), ntohl(word));
            offset += 4;
        }
    }
    std::vector<sock_filter> program;
    for (std::size_t i = 0; i < tests.size(); ++i) {
        const auto to_drop = static_cast<std::uint8_t>((tests.size() - i - 1) * 2 + 1);
        program.push_back(tests[i].first);
        program.push_back({BPF_JMP | BPF_JEQ | BPF_K, 0, to_drop, tests[i].second});
    }
    program.push_back({BPF_RET | BPF_K, 0, 0, UINT32_MAX});
    program.push_back({BPF_RET | BPF_K, 0, 0, 0});
    const sock_fprog all{static_cast<unsigned short>(program.size()), program.data()};
    if (setsockopt(socket.fd.get(), SOL_SOCKET, SO_ATTACH_FILTER, &all, sizeof all) != 0)
        errors.push_back(errno_error("SO_ATTACH_FILTER").text());
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
    return PeerSocket{std::move(*fd), peer, local, nullptr};
}

std::shared_ptr<void> PeerSplitter::note_presence(const SocketAddress& peer,
                                                  const SocketAddress& local) {
    const Key key{peer, local};
    ++(*living_)[key];
    return {nullptr, [living = living_, key](void*) {
                const auto found = living->find(key);
                if (--found->second == 0) living->erase(found);
            }};
}

// True if the datagram at the head was of a peer that is being served, and has gone there.
bool PeerSplitter::pass_on(int listener, const Head& head) {
    if (!living_->contains({head.peer, head.local})) return false;
    std::string_view payload(buffer_.data(), static_cast<std::size_t>(head.size));
    if (!injector_.inject_exactly(head.peer, head.local, payload)) return false;
    SocketAddress peer;
    SocketAddress local;
    receive(listener, buffer_, 0, peer, local);
    return true;
}

static bool is_exhaustion(int code) {
    return code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM;
}

struct PeerSplitter::Work {
    int listener;
    const ListenSpec& spec;
    const SocketOptions& options;
    const Decide& decide;
    std::vector<HeldDatagram>& held;
    std::vector<Pending> pending;
    Batch batch;

    // The place in `pending` of a socket that could be opened, or its size.
    [[nodiscard]] std::size_t find(const SocketAddress& peer, const SocketAddress& local) const {
        const auto found = std::find_if(pending.begin(), pending.end(), [&](const Pending& item) {
            return item.socket.fd && item.socket.peer == peer && item.socket.local == local;
        });
        return static_cast<std::size_t>(found - pending.begin());
    }
};

// False if there was no descriptor or memory for it: then the datagram must stay where it is.
bool PeerSplitter::open_for(Work& work, const SocketAddress& peer, const SocketAddress& local) {
    work.pending.push_back({PeerSocket{Fd(), peer, local, nullptr}, {}, {}, false});
    auto socket = injector_.prepare(local.family())
                      ? open_peer_socket(peer, local, work.spec, work.options)
                      : Result<PeerSocket>(errno_error("socket"));
    if (socket) {
        work.pending.back().socket = std::move(*socket);
        return true;
    }
    work.batch.errors.push_back(socket.error().text());
    work.batch.exhausted = is_exhaustion(socket.error().code);
    return !work.batch.exhausted;
}

PeerSplitter::Step PeerSplitter::take_next(Work& work) {
    Head head;
    head.size = receive(work.listener, buffer_, MSG_PEEK, head.peer, head.local);
    // An error such as ECONNREFUSED is of a datagram sent earlier; it is gone once it was told.
    if (head.size < 0 && is_exhaustion(errno)) work.batch.exhausted = true;
    if (head.size < 0) return errno == EAGAIN || work.batch.exhausted ? Step::stop : Step::go_on;
    if (head.local.family() == AF_UNSPEC) head.local = work.spec.address;
    head.local.set_port(static_cast<std::uint16_t>(work.spec.address.port()));

    std::size_t index = work.find(head.peer, head.local);
    const bool fresh = index == work.pending.size();
    if (fresh) {
        if (pass_on(work.listener, head)) return Step::go_on;
        const Verdict verdict = work.decide(head.peer);
        if (verdict == Verdict::leave) return Step::stop;
        if (verdict == Verdict::drop) {
            receive(work.listener, buffer_, 0, head.peer, head.local);
            return Step::go_on;
        }
        if (!open_for(work, head.peer, head.local)) return Step::stop;
    }
    SocketAddress peer;
    SocketAddress local;
    const ssize_t size = receive(work.listener, buffer_, 0, peer, local);
    if (size >= 0)
        work.pending[index].payloads.emplace_back(buffer_.data(), static_cast<std::size_t>(size));
    if (fresh) take_strays(work, index);
    return Step::go_on;
}

void PeerSplitter::take_strays(Work& work, std::size_t of) {
    const int fd = work.pending[of].socket.fd.get();
    for (;;) {
        SocketAddress peer;
        SocketAddress unused;
        const ssize_t size = fd >= 0 ? receive(fd, buffer_, 0, peer, unused) : -1;
        if (size < 0) return;
        const SocketAddress local = work.pending[of].socket.local;
        std::string payload(buffer_.data(), static_cast<std::size_t>(size));
        if (peer == work.pending[of].socket.peer) {
            work.pending[of].direct.push_back(std::move(payload));
        } else {
            place(work, {peer, local, std::move(payload)});
        }
    }
}

// For a datagram that is in nobody's queue any more.
void PeerSplitter::place(Work& work, HeldDatagram datagram) {
    const auto& [peer, local, payload] = datagram;
    std::size_t index = work.find(peer, local);
    if (index == work.pending.size()) {
        if (living_->contains({peer, local}) && injector_.inject_exactly(peer, local, payload))
            return;
        const Verdict verdict = work.batch.exhausted ? Verdict::leave : work.decide(peer);
        if (verdict == Verdict::drop) return;
        if (verdict == Verdict::leave || !open_for(work, peer, local)) {
            work.held.push_back(std::move(datagram));
            return;
        }
    }
    if (work.pending[index].done) {
        const PeerSocket& socket = work.pending[index].socket;
        inject(work, socket, payload);
        if (injector_.take_detached()) admit_only_peer(socket, work.batch.errors);
    } else {
        work.pending[index].payloads.push_back(std::move(datagram.payload));
    }
}

// After this no datagram of anybody else can come into the peer's socket, and none is in it.
void PeerSplitter::close_to_others(Work& work, std::size_t index) {
    const PeerSocket& socket = work.pending[index].socket;
    if (!socket.fd) return;
    // What is put back without a raw socket comes from an address of ours.
    if (injector_.exact()) admit_only_peer(socket, work.batch.errors);
    take_strays(work, index);
}

bool PeerSplitter::inject(Work& work, const PeerSocket& socket, const std::string& payload) {
    if (injector_.inject(socket.fd.get(), work.spec.protocol, socket.peer, socket.local, payload))
        return true;
    work.batch.errors.push_back("a datagram of " + socket.peer.to_string() +
                                " could not be handed over");
    return false;
}

void PeerSplitter::put_back(Work& work, Pending& item) {
    PeerSocket& socket = item.socket;
    if (!socket.fd) return;
    item.done = true;
    bool any = false;
    for (const auto* payloads : {&item.payloads, &item.direct})
        for (const std::string& payload : *payloads)
            any = inject(work, socket, payload) || any;
    const bool detached = injector_.take_detached();
    // A server would wait for what is lost.
    if (!any && !look_at_queue(socket.fd.get(), SOCK_DGRAM)) return socket.fd.reset();
    if (detached || !injector_.exact()) admit_only_peer(socket, work.batch.errors);
    socket.presence = note_presence(socket.peer, socket.local);
}

PeerSplitter::Batch PeerSplitter::split(int listener, const ListenSpec& spec,
                                        const SocketOptions& options, const Decide& decide,
                                        std::vector<HeldDatagram>& held) {
    buffer_.resize(kLargest);
    std::vector<HeldDatagram> before = std::move(held);
    held.clear();
    Work work{listener, spec, options, decide, held, {}, {}};
    for (HeldDatagram& datagram : before)
        place(work, std::move(datagram));
    // What waits in the listener came later than what is held.
    for (std::size_t i = 0; i < kDatagramsPerBatch && held.empty(); ++i) {
        if (take_next(work) == Step::stop) break;
    }
    // By index: a stray may be of a peer that is new. One after the other, so that little comes
    // straight from a peer before what it had sent earlier is back in its place.
    for (std::size_t i = 0; i < work.pending.size(); ++i) {
        close_to_others(work, i);
        put_back(work, work.pending[i]);
    }
    for (Pending& item : work.pending)
        work.batch.peers.push_back(std::move(item.socket));
    return std::move(work.batch);
}

} // namespace inetd
