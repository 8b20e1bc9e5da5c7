#include "builtin/datagrams.h"

#include "builtin/reflection.h"
#include "builtin/responders.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <random>
#include <string>
#include <sys/uio.h>
#include <utility>

// A batch is one recvmmsg(2) and one sendmmsg(2). Each of its places has room for the largest
// datagram that IP can carry. All of that room is 2 MiB of .bss, of which the kernel gives us only
// the pages that datagrams were written to: small ones touch a page or two a place.

namespace inetd {

static constexpr std::size_t kBatch = 32;
static constexpr std::size_t kPayload = 65536;
static constexpr std::size_t kControl =
    CMSG_SPACE(sizeof(in_pktinfo)) + CMSG_SPACE(sizeof(in6_pktinfo));

using Admits = std::function<bool(const SocketAddress&)>;

namespace {
struct Batch {
    struct alignas(cmsghdr) Control {
        std::array<char, kControl> bytes;
    };
    std::array<sockaddr_storage, kBatch> sources;
    std::array<Control, kBatch> controls;
    std::array<iovec, kBatch> vectors;
    std::array<mmsghdr, kBatch> messages;
};
} // namespace

static std::array<std::array<char, kPayload>, kBatch> payloads;
static Batch batch;

static Result<void> enable(int fd, int level, int option, const char* name) {
    const int on = 1;
    if (setsockopt(fd, level, option, &on, sizeof on) < 0) return errno_error(name);
    return {};
}

Result<void> prepare_datagrams(int fd, int family) {
    if (family == AF_INET) return enable(fd, IPPROTO_IP, IP_PKTINFO, "set IP_PKTINFO");
    if (family != AF_INET6) return {};
    const auto v6 = enable(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, "set IPV6_RECVPKTINFO");
    // For the IPv4 clients of a dual-stack socket: only this one tells a subnet's broadcast.
    return v6 ? enable(fd, IPPROTO_IP, IP_PKTINFO, "set IP_PKTINFO") : v6;
}

static void prepare(std::size_t place, bool want_payload) {
    batch.vectors.at(place) = {payloads.at(place).data(), want_payload ? kPayload : 0};
    msghdr& header = batch.messages.at(place).msg_hdr;
    header = {};
    header.msg_name = &batch.sources.at(place);
    header.msg_namelen = SocketAddress::kLongest;
    header.msg_iov = &batch.vectors.at(place);
    header.msg_iovlen = 1;
    header.msg_control = batch.controls.at(place).bytes.data();
    header.msg_controllen = kControl;
}

static int receive(int fd, bool want_payload) {
    // Few datagrams wait as a rule, and only the places of those last received were changed.
    static std::size_t changed = kBatch;
    static bool had_payload = want_payload;
    if (std::exchange(had_payload, want_payload) != want_payload) changed = kBatch;
    for (std::size_t i = 0; i < changed; ++i)
        prepare(i, want_payload);
    // With MSG_TRUNC msg_len is the true length, recv(2).
    const int count =
        recvmmsg(fd, batch.messages.data(), kBatch, MSG_DONTWAIT | MSG_TRUNC, nullptr);
    changed = static_cast<std::size_t>(std::max(count, 0));
    return count;
}

static SocketAddress source_of(const msghdr& header) {
    return {header.msg_name, header.msg_namelen};
}

// Reads the control message of `header` and makes it the one of the answer: the kernel takes the
// same structure on sending and reads the source address from it, ip(7) and RFC 3542.
static DatagramRoute turn_around(msghdr& header) {
    DatagramRoute route;
    bool found = false;
    for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            in_pktinfo info{};
            std::memcpy(&info, CMSG_DATA(c), sizeof info);
            route.asked = info.ipi_addr;
            route.local = info.ipi_spec_dst;
            // The way back is for routing to choose: with an index it had to be the way in.
            info.ipi_ifindex = 0;
            std::memcpy(CMSG_DATA(c), &info, sizeof info);
            found = true;
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            in6_pktinfo info{};
            std::memcpy(&info, CMSG_DATA(c), sizeof info);
            route.asked6 = info.ipi6_addr;
            // A link-local address means nothing without its link.
            if (!IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr)) info.ipi6_ifindex = 0;
            std::memcpy(CMSG_DATA(c), &info, sizeof info);
            found = true;
        }
    }
    if (!found) {
        header.msg_control = nullptr;
        header.msg_controllen = 0;
    }
    return route;
}

// Points the vectors of the first `count` messages at what they answer.
static void compose(std::size_t count, Builtin service) {
    static std::minstd_rand random(std::random_device{}());
    static std::string daytime;
    static std::array<char, 4> seconds;
    const std::time_t now = wall_clock();
    if (service == Builtin::daytime) daytime = daytime_text(now);
    if (service == Builtin::time) seconds = time_bytes(now);
    for (std::size_t i = 0; i < count; ++i) {
        iovec& vector = *batch.messages.at(i).msg_hdr.msg_iov;
        if (service == Builtin::daytime) {
            vector = {daytime.data(), daytime.size()};
        } else if (service == Builtin::time) {
            vector = {seconds.data(), seconds.size()};
        } else {
            // RFC 864 asks for a random length.
            std::uniform_int_distribution<std::size_t> length(0, kChargenDatagram);
            vector = {const_cast<char*>(chargen_block().data()), length(random)};
        }
    }
}

// Lets the vectors of the first `count` messages end where what was received does.
static void echo(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
        batch.messages.at(i).msg_hdr.msg_iov->iov_len = batch.messages.at(i).msg_len;
}

// Sends the first `count` messages; one that the kernel refuses does not stop those after it.
static void transmit(int fd, std::size_t count, DatagramStats& stats) {
    std::size_t next = 0;
    while (next < count) {
        const int sent = sendmmsg(fd, &batch.messages.at(next), static_cast<unsigned>(count - next),
                                  MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent > 0) {
            stats.answered += static_cast<unsigned>(sent);
            for (std::size_t i = next; i < next + static_cast<std::size_t>(sent); ++i)
                stats.bytes_out += batch.messages.at(i).msg_len;
            next += static_cast<std::size_t>(sent);
            continue;
        }
        stats.error = errno;
        ++stats.failed;
        ++next;
    }
}

// Moves what may be answered to the front and tells how many that are. `whole`: what the batch has
// no room for must not be answered in part.
static std::size_t sift(std::size_t received, bool whole, std::uint16_t port, const Admits& admits,
                        DatagramStats& stats) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < received; ++i) {
        mmsghdr& message = batch.messages.at(i);
        msghdr& header = message.msg_hdr;
        // unix(7): a client that did not bind has no name.
        const bool nameless = header.msg_namelen <= sizeof(sa_family_t);
        if (nameless || (whole && (header.msg_flags & MSG_TRUNC) != 0)) {
            stats.error = nameless ? EDESTADDRREQ : EMSGSIZE;
            ++stats.failed;
            continue;
        }
        if (admits && !admits(source_of(header))) continue;
        DatagramRoute route = turn_around(header);
        route.port = port;
        if (may_reflect(*static_cast<const sockaddr*>(header.msg_name), route)) {
            ++stats.reflected;
            stats.last_refused = source_of(header);
            continue;
        }
        if (kept != i) batch.messages.at(kept) = message;
        ++kept;
    }
    return kept;
}

DatagramStats answer_datagrams(int fd, Builtin service, std::uint16_t port, const Admits& admits) {
    DatagramStats stats;
    const int received = receive(fd, service == Builtin::echo);
    if (received < 0) {
        if (errno != EAGAIN && errno != EINTR) stats.error = errno;
        return stats;
    }
    stats.received = static_cast<unsigned>(received);
    for (std::size_t i = 0; i < stats.received; ++i)
        stats.bytes_in += batch.messages.at(i).msg_len;
    if (service == Builtin::discard) {
        // Whoever looks for those that are refused finds them here as well.
        for (std::size_t i = 0; admits && i < stats.received; ++i)
            static_cast<void>(admits(source_of(batch.messages.at(i).msg_hdr)));
        return stats;
    }
    const std::size_t count = sift(stats.received, service == Builtin::echo, port, admits, stats);
    if (service == Builtin::echo)
        echo(count);
    else
        compose(count, service);
    transmit(fd, count, stats);
    return stats;
}

} // namespace inetd
