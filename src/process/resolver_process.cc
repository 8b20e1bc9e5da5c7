#include "process/resolver_process.h"

#include "process/host_lookup.h"
#include "process/tcp_wrappers.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <syslog.h>
#include <type_traits>

namespace inetd {

static constexpr std::size_t kLongestReply = 8192;

namespace {

// An Inquiry as it travels, between two processes of one binary.
struct Message {
    Inquiry::Kind kind;
    AddressRoom client;
    AddressRoom local;
    std::array<char, 256> daemon;
};
static_assert(std::is_trivially_copyable_v<Message>);

// The first byte of a reply; after `known` the names follow, each ended by a zero.
enum class Word : char { unknown = 'u', known = 'k', admitted = 'a', refused = 'r' };

} // namespace

static void put(const SocketAddress& address, AddressRoom& room) {
    std::memcpy(&room.bytes, address.data(), address.size());
    room.size = address.size();
}

static std::string answer(const Message& message) {
    const SocketAddress client = message.client.address();
    if (message.kind == Inquiry::Kind::wrappers) {
        const bool admitted =
            wrappers_admit(message.daemon.data(), client, message.local.address());
        return {static_cast<char>(admitted ? Word::admitted : Word::refused)};
    }
    const HostNames names = look_up_host(client);
    const bool known = names.state == HostNames::State::known;
    std::string text{static_cast<char>(known ? Word::known : Word::unknown)};
    for (const std::string& name : names.names)
        text += name + '\0';
    return text;
}

static void serve(int socket) {
    openlog("inetd", LOG_PID, LOG_DAEMON); // what libwrap says goes there
    for (;;) {
        Message message{};
        const ssize_t size = recv(socket, &message, sizeof message, 0);
        if (size < 0 && errno == EINTR) continue;
        if (size != static_cast<ssize_t>(sizeof message)) return;
        const std::string reply = answer(message);
        if (send(socket, reply.data(), std::min(reply.size(), kLongestReply), MSG_NOSIGNAL) < 0)
            return;
    }
}

Result<WorkerProcess> start_resolver() {
    return start_worker("inetd-resolver", WorkerUser::nobody, serve);
}

bool send_inquiry(int socket, const Inquiry& inquiry) {
    Message message{};
    message.kind = inquiry.kind;
    put(inquiry.client, message.client);
    put(inquiry.local, message.local);
    const auto size = std::min(inquiry.daemon.size(), message.daemon.size() - 1);
    std::memcpy(message.daemon.data(), inquiry.daemon.data(), size);
    return send(socket, &message, sizeof message, MSG_NOSIGNAL | MSG_DONTWAIT) ==
           static_cast<ssize_t>(sizeof message);
}

std::optional<InquiryReply> receive_reply(int socket) {
    std::array<char, kLongestReply> bytes;
    const ssize_t size = recv(socket, bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (size <= 0) return std::nullopt;
    InquiryReply reply{.answered = true};
    std::string_view rest(bytes.data() + 1, static_cast<std::size_t>(size) - 1);
    switch (static_cast<Word>(bytes.front())) {
    case Word::unknown:
        return reply;
    case Word::admitted:
        reply.admitted = true;
        return reply;
    case Word::refused:
        return reply;
    case Word::known:
        reply.names.state = HostNames::State::known;
        for (auto end = rest.find('\0'); end != std::string_view::npos; end = rest.find('\0')) {
            reply.names.names.emplace_back(rest.substr(0, end));
            rest.remove_prefix(end + 1);
        }
        return reply;
    }
    return std::nullopt;
}

} // namespace inetd
