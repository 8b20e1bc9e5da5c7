#include "server/inheritance.h"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fcntl.h>
#include <fmt/core.h>
#include <netinet/in.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>

using namespace inetd;

namespace {

constexpr int kFirst = 3; // SD_LISTEN_FDS_START
constexpr int kOurs = 4;
constexpr int kEnd = 32;

// Puts what the process has open there out of the way for as long as it lives.
class Cleared {
  public:
    Cleared() {
        for (int fd = kFirst; fd < kEnd; ++fd) {
            kept_[static_cast<std::size_t>(fd)] = fcntl(fd, F_DUPFD_CLOEXEC, kEnd);
            close(fd);
        }
    }
    ~Cleared() {
        for (int fd = kFirst; fd < kEnd; ++fd) {
            const int kept = kept_[static_cast<std::size_t>(fd)];
            if (kept < 0) continue;
            dup2(kept, fd);
            close(kept);
        }
    }
    Cleared(const Cleared&) = delete;
    Cleared& operator=(const Cleared&) = delete;

  private:
    std::array<int, kEnd> kept_{};
};

// What a supervisor may hand in: two sockets to listen on, one that is none, and a file.
void open_ours() {
    const auto want = [](int fd, int wanted) {
        if (fd != wanted) std::abort();
    };
    want(socket(AF_INET, SOCK_STREAM, 0), kFirst);
    if (listen(kFirst, 1) != 0) std::abort();
    want(socket(AF_INET, SOCK_DGRAM, 0), kFirst + 1);
    sockaddr_in any{};
    any.sin_family = AF_INET;
    if (bind(kFirst + 1, reinterpret_cast<const sockaddr*>(&any), sizeof any) != 0) std::abort();
    want(socket(AF_UNIX, SOCK_STREAM, 0), kFirst + 2);
    want(open("/dev/null", O_RDONLY | O_CLOEXEC), kFirst + 3);
}

bool is_open(int fd) {
    return fcntl(fd, F_GETFD) >= 0;
}

} // namespace

// LISTEN_PID=, LISTEN_FDS= and LISTEN_FDNAMES= of a supervisor, sd_listen_fds(3), in one line each.
// Whatever they say, they are gone, and what was taken is owned, once.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string text(reinterpret_cast<const char*>(data), size);
    if (text.find('\0') != std::string::npos) return 0; // which no variable can have
    const Cleared cleared;
    open_ours();
    for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) {
        const auto end = text.find('\n');
        const std::string value = text.substr(0, end);
        setenv(name, value == "self" ? fmt::format("{}", getpid()).c_str() : value.c_str(), 1);
        text.erase(0, end == std::string::npos ? end : end + 1);
    }
    {
        const Inheritance taken = inherit();
        for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"})
            if (std::getenv(name) != nullptr) std::abort();
        for (const std::string& problem : taken.problems)
            if (problem.empty() || problem.find('\n') != std::string::npos) std::abort();
        for (const auto& [key, server] : taken.servers)
            if (key.empty() || !is_open(server.pidfd.get())) std::abort();
    }
    int left = 0;
    for (int fd = kFirst; fd < kEnd; ++fd)
        left += is_open(fd) ? 1 : 0;
    if (left > kOurs) std::abort();
    for (int fd = kFirst; fd < kFirst + kOurs; ++fd)
        close(fd);
    return 0;
}
