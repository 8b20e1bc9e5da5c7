#include "process/resolver_process.h"

#include "base/text.h"
#include "process/host_lookup.h"
#include "process/pidfd.h"
#include "process/tcp_wrappers.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <syslog.h>
#include <type_traits>
#include <unistd.h>

namespace inetd {

static constexpr int kSocket = 3; // in the resolver
static constexpr std::size_t kLongestReply = 8192;

namespace {

// An Inquiry as it travels, between two processes of one binary.
struct Message {
    Inquiry::Kind kind;
    SocketAddress client;
    SocketAddress local;
    std::array<char, 256> daemon;
};
static_assert(std::is_trivially_copyable_v<Message>);

// The first byte of a reply; after `known` the names follow, each ended by a zero.
enum class Word : char { unknown = 'u', known = 'k', admitted = 'a', refused = 'r' };

} // namespace

static std::string answer(const Message& message) {
    if (message.kind == Inquiry::Kind::wrappers) {
        const bool admitted = wrappers_admit(message.daemon.data(), message.client, message.local);
        return {static_cast<char>(admitted ? Word::admitted : Word::refused)};
    }
    const HostNames names = look_up_host(message.client);
    const bool known = names.state == HostNames::State::known;
    std::string text{static_cast<char>(known ? Word::known : Word::unknown)};
    for (const std::string& name : names.names)
        text += name + '\0';
    return text;
}

// Names come from whoever has the client's address: what reads them has nothing to lose.
static bool drop_rights() {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return false;
    if (geteuid() != 0) return true;
    uid_t uid = 65534;
    gid_t gid = 65534;
    if (const passwd* nobody = getpwnam("nobody")) {
        uid = nobody->pw_uid;
        gid = nobody->pw_gid;
    }
    return setgroups(0, nullptr) == 0 && setresgid(gid, gid, gid) == 0 &&
           setresuid(uid, uid, uid) == 0;
}

// Descriptors first: a listening socket that is open here stays in use when the daemon closes it.
static void leave_the_daemon(int socket, pid_t daemon) {
    closelog(); // or libwrap would write to whatever has the number of the daemon's socket now
    if (socket != kSocket) dup3(socket, kSocket, O_CLOEXEC);
    syscall(SYS_close_range, 0U, static_cast<unsigned>(kSocket) - 1, 0U);
    syscall(SYS_close_range, static_cast<unsigned>(kSocket) + 1, ~0U, 0U);
    for (int fd = 0; fd < kSocket; ++fd)
        if (open("/dev/null", O_RDWR) != fd) _exit(EBADF);
    fcntl(kSocket, F_SETFL, 0);
    prctl(PR_SET_NAME, "inetd-resolver");
    setsid();
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    if (chdir("/") != 0 || !drop_rights()) _exit(EPERM);
    // prctl(2): a change of the user takes it back.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != daemon) _exit(ECANCELED);
    openlog("inetd", LOG_PID, LOG_DAEMON);
}

[[noreturn]] static void serve(int socket, pid_t daemon) {
    leave_the_daemon(socket, daemon);
    for (;;) {
        Message message{};
        const ssize_t size = recv(kSocket, &message, sizeof message, 0);
        if (size < 0 && errno == EINTR) continue;
        if (size != static_cast<ssize_t>(sizeof message)) _exit(0);
        const std::string reply = answer(message);
        if (send(kSocket, reply.data(), std::min(reply.size(), kLongestReply), MSG_NOSIGNAL) < 0)
            _exit(0);
    }
}

Result<ResolverProcess> start_resolver() {
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0)
        return errno_error("socketpair");
    Fd ours(ends[0]);
    const Fd theirs(ends[1]);
    const pid_t daemon = getpid();
    const pid_t pid = fork();
    if (pid < 0) return errno_error("fork");
    if (pid == 0) {
        try {
            serve(theirs.get(), daemon);
        } catch (const std::exception&) {
            _exit(ENOMEM);
        }
    }
    return ResolverProcess{std::move(ours), open_process(pid)};
}

bool send_inquiry(int socket, const Inquiry& inquiry) {
    Message message{};
    message.kind = inquiry.kind;
    message.client = inquiry.client;
    message.local = inquiry.local;
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
