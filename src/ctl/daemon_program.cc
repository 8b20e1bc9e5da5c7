#include "ctl/daemon_program.h"

#include "base/fd.h"

#include <array>
#include <cerrno>
#include <filesystem>
#include <spawn.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace inetd::ctl {

std::string find_daemon() {
    std::error_code error;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
    for (const auto& candidate : {self / "inetd", self / "../sbin/inetd"}) {
        if (access(candidate.c_str(), X_OK) == 0) return candidate.string();
    }
    return "/usr/sbin/inetd";
}

static std::string read_all(int fd) {
    std::string text;
    std::array<char, 4096> buffer;
    for (;;) {
        const ssize_t got = read(fd, buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return text;
        text.append(buffer.data(), static_cast<std::size_t>(got));
    }
}

Result<void> check_configuration(const std::string& settings,
                                 const std::vector<std::string>& files) {
    std::string program = find_daemon();
    std::vector<std::string> all{"inetd", "--check", "--settings", settings};
    all.insert(all.end(), files.begin(), files.end());
    std::vector<char*> arguments;
    for (std::string& one : all)
        arguments.push_back(one.data());
    arguments.push_back(nullptr);
    std::array<int, 2> ends{};
    if (pipe(ends.data()) != 0) return errno_error("pipe");
    const Fd reader(ends[0]);
    Fd writer(ends[1]);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, writer.get(), STDERR_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", 1, 0);
    posix_spawn_file_actions_addclose(&actions, reader.get());
    posix_spawn_file_actions_addclose(&actions, writer.get());
    pid_t pid = 0;
    const int code =
        posix_spawn(&pid, program.c_str(), &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    writer.reset();
    if (code != 0) return Error{program, code};
    const std::string said = read_all(reader.get());
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
    return Error{said.empty() ? program + " failed" : said, 0};
}

} // namespace inetd::ctl
