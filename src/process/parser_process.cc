#include "process/parser_process.h"

#include "process/call_filter.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

namespace inetd {

static constexpr rlim_t kMemory = rlim_t{64} * 1024 * 1024; // besides that of the daemon

static void limit(decltype(RLIMIT_AS) resource, rlim_t most) {
    rlimit now{};
    if (getrlimit(resource, &now) != 0) return;
    // setrlimit(2): nobody may go above the hard limit.
    now.rlim_cur = now.rlim_max = std::min(most, now.rlim_max);
    setrlimit(resource, &now);
}

// Behind the filter: where that cannot be had, these are what is left.
static void take_limits() {
    rlim_t pages = 0;
    if (std::ifstream("/proc/self/statm") >> pages)
        limit(RLIMIT_AS, pages * static_cast<rlim_t>(getpagesize()) + kMemory);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_FSIZE, 0);
    limit(RLIMIT_NPROC, 0);
    limit(RLIMIT_NOFILE, 0);
}

static void serve(int socket, std::string (*answer)(std::string_view)) {
    take_limits();
    // There are processors that we have no filter for, and kernels without any.
    if (const auto filtered = filter_calls_to_parse(); !filtered && geteuid() == 0) return;
    std::string question(kLongestParserDatagram, '\0');
    if (send(socket, kParserReady.data(), kParserReady.size(), MSG_NOSIGNAL) < 0) return;
    for (;;) {
        const ssize_t size = recv(socket, question.data(), question.size(), 0);
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) return;
        const std::string reply =
            answer(std::string_view(question).substr(0, static_cast<std::size_t>(size)));
        if (reply.empty() || send(socket, reply.data(), reply.size(), MSG_NOSIGNAL) < 0) return;
    }
}

Result<WorkerProcess> start_parser(std::string (*answer)(std::string_view)) {
    return start_worker("inetd-parser", WorkerUser::nobody_if_allowed,
                        [answer](int socket) { serve(socket, answer); });
}

bool send_to_parser(int socket, std::string_view question) {
    return send(socket, question.data(), question.size(), MSG_NOSIGNAL | MSG_DONTWAIT) ==
           static_cast<ssize_t>(question.size());
}

std::optional<std::string> receive_from_parser(int socket) {
    std::array<char, kLongestParserDatagram> bytes;
    const ssize_t size = recv(socket, bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return std::nullopt;
    return std::string(bytes.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
}

} // namespace inetd
