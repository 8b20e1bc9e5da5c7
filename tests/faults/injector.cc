// injector SOCKET FAULT PROGRAM [ARGUMENT...] - runs a program and lets system calls of it fail.
//
// The program runs in this very process, under a filter that reports each call of kCalls to an
// observer (SECCOMP_RET_USER_NOTIF, seccomp_unotify(2)), which lets it go on or answers it with an
// error. The observer is an orphan, so that the program gets no child that it has not started. It
// takes orders from the SOCK_SEQPACKET socket SOCKET; the first is FAULT, in force from the start:
//
//   arm WHO CALL ERRNO FIRST COUNT   the FIRST-th call from now on fails, and COUNT - 1 after it
//   hold WHO CALL FIRST              the FIRST-th call from now on waits until the next order
//   none                             no call fails
//   tell                             answers "HITS CALL=TIMES ..." since the last `arm`, `hold` or
//                                    `none`; ends no waiting
//
// WHO is `daemon`, the first process, or `child`, another one as long as it runs the same program:
// which is a child before its exec. Others are never touched, nor are calls of the dynamic loader,
// whose failure no program survives. Exits with 77 where filters are not to be had.

#include "calls.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <sstream>
#include <string>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace {

constexpr int kSkip = 77;

// Between the program to be and the observer.
struct Shared {
    volatile int listener; // 0 until there is one, -1 if there will be none
    volatile bool observed;
};

struct Fault {
    bool armed = false;
    bool of_child = false;
    std::string call;
    int code = 0;
    long first = 0;
    long count = 0;
    bool holds = false;
};

class Observer {
  public:
    Observer(int listener, pid_t daemon, const struct stat& program)
        : listener_(listener), daemon_(daemon), program_(program) {}

    void arm(const std::string& order) {
        std::istringstream words(order);
        std::string verb;
        std::string who;
        if (held_.id != 0) answer(held_, 0);
        held_ = {};
        fault_ = {};
        words >> verb >> who >> fault_.call;
        fault_.holds = verb == "hold";
        fault_.armed = verb == "arm" || fault_.holds;
        fault_.count = 1;
        if (fault_.holds)
            words >> fault_.first;
        else
            words >> fault_.code >> fault_.first >> fault_.count;
        fault_.of_child = who == "child";
        seen_ = hits_ = 0;
        times_ = {};
    }

    [[nodiscard]] std::string tell() const {
        std::ostringstream text;
        text << hits_;
        for (std::size_t who = 0; who < 2; ++who)
            for (std::size_t i = 0; i < kCount; ++i)
                if (times_[who][i] != 0)
                    text << (who == 0 ? " daemon:" : " child:") << kCalls[i].name << '='
                         << times_[who][i];
        return text.str();
    }

    void answer_next() {
        seccomp_notif call{};
        if (ioctl(listener_, SECCOMP_IOCTL_NOTIF_RECV, &call) != 0) return;
        const long hits = hits_;
        const int code = judge(call);
        if (fault_.holds && hits_ != hits)
            held_ = call;
        else
            answer(call, code);
    }

  private:
    void answer(const seccomp_notif& call, int code) const {
        seccomp_notif_resp answer{};
        answer.id = call.id;
        answer.error = -code;
        if (code == 0) answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
        ioctl(listener_, SECCOMP_IOCTL_NOTIF_SEND, &answer); // ENOENT: it was killed meanwhile
    }

    // A call that comes out of the text of ld.so.
    static bool is_of_loader(pid_t pid, std::uint64_t instruction) {
        std::ifstream maps("/proc/" + std::to_string(pid) + "/maps");
        for (std::string line; std::getline(maps, line);) {
            std::uint64_t from = 0;
            std::uint64_t to = 0;
            if (std::sscanf(line.c_str(), "%lx-%lx", &from, &to) != 2) continue;
            if (instruction >= from && instruction < to)
                return line.find("/ld-") != std::string::npos;
        }
        return false;
    }

    // The errno to fail with, or 0.
    int judge(const seccomp_notif& call) {
        const auto pid = static_cast<pid_t>(call.pid);
        struct stat running {};
        const std::string exe = "/proc/" + std::to_string(pid) + "/exe";
        if (stat(exe.c_str(), &running) != 0 || running.st_ino != program_.st_ino ||
            running.st_dev != program_.st_dev)
            return 0;
        const bool child = pid != daemon_;
        const auto number = static_cast<unsigned>(call.data.nr);
        // Of these only what makes a descriptor, or needs memory, can fail.
        if (number == SYS_fcntl && call.data.args[1] != F_DUPFD_CLOEXEC) return 0;
        if (number == SYS_epoll_ctl && call.data.args[1] == EPOLL_CTL_DEL) return 0;
        for (std::size_t i = 0; i < kCount; ++i) {
            if (kCalls[i].number != number) continue;
            ++times_[child ? 1 : 0][i];
            if (!fault_.armed || child != fault_.of_child || fault_.call != kCalls[i].name)
                return 0;
            if (is_of_loader(pid, call.data.instruction_pointer)) return 0;
            ++seen_;
            if (seen_ < fault_.first || seen_ - fault_.first >= fault_.count) return 0;
            ++hits_;
            return fault_.code;
        }
        return 0;
    }

    int listener_;
    pid_t daemon_;
    struct stat program_;
    Fault fault_;
    seccomp_notif held_{}; // no call if its id is 0
    long seen_ = 0;
    long hits_ = 0;
    std::array<std::array<long, kCount>, 2> times_{};
};

int connect_to(const char* path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
        std::perror(path);
        std::exit(1);
    }
    return fd;
}

// Until the last process under the filter has ended and nobody gives orders any more.
void observe(Observer& observer, int listener, int orders) {
    std::array<pollfd, 2> watched{{{listener, POLLIN, 0}, {orders, POLLIN, 0}}};
    while (watched[0].fd >= 0 || watched[1].fd >= 0) {
        poll(watched.data(), watched.size(), -1);
        if ((watched[0].revents & POLLIN) != 0)
            observer.answer_next();
        else if (watched[0].revents != 0)
            watched[0].fd = -1;
        if (watched[1].revents == 0) continue;
        std::array<char, 256> order{};
        const ssize_t size = read(orders, order.data(), order.size() - 1);
        if (size <= 0) {
            watched[1].fd = -1;
            observer.arm("none");
            continue;
        }
        std::string reply = "ok";
        if (std::strcmp(order.data(), "tell") == 0)
            reply = observer.tell();
        else
            observer.arm(order.data());
        if (write(orders, reply.data(), reply.size()) < 0) watched[1].fd = -1;
    }
}

[[noreturn]] void become_observer(Shared& shared, pid_t daemon, int orders, char** argv) {
    while (shared.listener == 0)
        usleep(1000);
    struct stat program {};
    // From here on with descriptors of its own: those of the program are not to be kept open.
    if (shared.listener < 0 || unshare(CLONE_FILES) != 0 || stat(argv[3], &program) != 0) _exit(1);
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd <= 2; ++fd)
        dup2(null, fd);
    setsid();
    Observer observer(shared.listener, daemon, program);
    observer.arm(argv[2]);
    shared.observed = true;
    observe(observer, shared.listener, orders);
    _exit(0);
}

// A filter that reports kCalls; -1 and errno if there is none.
int report_calls() {
    std::vector<sock_filter> code;
    code.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)));
    for (std::size_t i = 0; i < kCount; ++i)
        code.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kCalls[i].number,
                                static_cast<std::uint8_t>(kCount - i), 0));
    code.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    code.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF));
    sock_fprog filter{static_cast<unsigned short>(code.size()), code.data()};
    if (geteuid() != 0) prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return static_cast<int>(
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &filter));
}

// As fork(2), but with one table of descriptors, by which the observer gets the listener.
pid_t fork_with_descriptors() {
    return static_cast<pid_t>(syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0));
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 4) return 2;
    const pid_t daemon = getpid();
    const int orders = connect_to(argv[1]);
    void* memory =
        mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return 1;
    auto& shared = *new (memory) Shared{};
    const pid_t middle = fork_with_descriptors();
    if (middle == 0) {
        if (fork_with_descriptors() == 0) become_observer(shared, daemon, orders, argv);
        _exit(0);
    }
    waitpid(middle, nullptr, 0);
    const int listener = report_calls();
    if (listener < 0) {
        std::perror("seccomp");
        shared.listener = -1;
        return kSkip;
    }
    shared.listener = listener;
    while (!shared.observed)
        usleep(1000);
    execv(argv[3], argv + 3);
    std::perror(argv[3]);
    return 1;
}
