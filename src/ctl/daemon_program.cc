#include "ctl/daemon_program.h"

#include "base/fd.h"

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <spawn.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace inetd::ctl {

std::string daemon_program() {
    std::error_code error;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
    for (const auto& candidate : {self / "inetd", self / "../sbin/inetd"})
        if (access(candidate.c_str(), X_OK) == 0) return candidate.string();
    return "/usr/sbin/inetd";
}

static Result<std::string> read_all(int fd) {
    std::string text;
    char buffer[16384];
    for (;;) {
        const ssize_t size = read(fd, buffer, sizeof buffer);
        if (size == 0) return text;
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return errno_error("read from inetd");
        text.append(buffer, static_cast<std::size_t>(size));
    }
}

Result<DaemonAnswer> ask_daemon_program(const std::vector<std::string>& arguments, int heard) {
    const std::string program = daemon_program();
    std::vector<char*> argv{const_cast<char*>("inetd")};
    for (const std::string& argument : arguments)
        argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return errno_error("pipe");
    const Fd ours(ends[0]);
    Fd theirs(ends[1]);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, theirs.get(), heard);
    pid_t child = 0;
    const int failed =
        posix_spawn(&child, program.c_str(), &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failed != 0) return Error{program, failed};
    theirs.reset();
    auto text = read_all(ours.get());
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (!text) return text.error();
    return DaemonAnswer{std::move(*text),
                        WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status)};
}

Result<void> check_configuration(const std::string& settings,
                                 const std::vector<std::string>& files) {
    std::vector<std::string> arguments{"--check", "--settings", settings};
    arguments.insert(arguments.end(), files.begin(), files.end());
    const auto answer = ask_daemon_program(arguments, STDERR_FILENO);
    if (!answer) return answer.error();
    if (answer->status == 0) return {};
    return Error{answer->text.empty() ? daemon_program() + " failed" : answer->text, 0};
}

} // namespace inetd::ctl
