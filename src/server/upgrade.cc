#include "server/upgrade.h"

#include "base/text.h"
#include "log/log.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

// A change takes many rounds of the loop, and anything may come between them. What ends the daemon
// or wants another exec is told to end() and renew(), in whichever state the change is; for all
// else nothing is different from any other time, as what is handed over is taken at the very end.
// From the reaping in replace() to the exec no handler runs, so nothing that the daemon knows
// changes. What happens outside is kept by the kernel for the binary after us:
//   a child's end     stays a zombie until the new binary reaps, after it has its children
//   a child's report  stays in the pipe, which is handed over
//   a signal          is blocked and stays pending over an exec, for the next signalfd
//   a client          stays in the queue of the socket, as a datagram does
//   a call            its connection ends, which the caller sees; the listening socket stays
// Timers that were promised to somebody are handed over as times. Back-offs begin anew.

namespace inetd {

using namespace std::chrono_literals;

static constexpr Duration kTrialTimeout = 5s;
static constexpr Duration kPatience = 10s; // two answers of a resolver
static constexpr Duration kLook = 10ms;

Result<Fd> handover_file(const Handover& handover) {
    const std::string text = handover_text(handover);
    Fd file(memfd_create("inetd-handover", MFD_CLOEXEC));
    if (!file) return errno_error("memfd_create");
    for (std::size_t done = 0; done < text.size();) {
        const ssize_t written =
            pwrite(file.get(), text.data() + done, text.size() - done, static_cast<off_t>(done));
        if (written < 0 && errno != EINTR) return errno_error("writing the hand-over");
        if (written > 0) done += static_cast<std::size_t>(written);
    }
    return file;
}

Result<Handover> read_handover(int file) {
    struct stat status {};
    if (fstat(file, &status) != 0) return errno_error("hand-over");
    std::string text(static_cast<std::size_t>(status.st_size), '\0');
    for (std::size_t done = 0; done < text.size();) {
        const ssize_t got =
            pread(file, text.data() + done, text.size() - done, static_cast<off_t>(done));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return errno_error("reading the hand-over");
        done += static_cast<std::size_t>(got);
    }
    return parse_handover(text);
}

namespace {

// An argv for exec(3); points into itself.
class Arguments {
  public:
    Arguments(const Invocation& invocation, std::string more, bool trial)
        : all_(invocation.arguments) {
        // First, for what stands behind `--` belongs to a command.
        const auto first = all_.begin() + static_cast<std::ptrdiff_t>(std::min(all_.size(), 1UL));
        all_.insert(first, std::move(more));
        if (trial) all_.insert(all_.begin() + 1, "--check");
        for (std::string& argument : all_)
            pointers_.push_back(argument.data());
        pointers_.push_back(nullptr);
    }
    Arguments(const Arguments&) = delete;
    Arguments& operator=(const Arguments&) = delete;
    [[nodiscard]] char* const* data() const { return pointers_.data(); }

  private:
    std::vector<std::string> all_;
    std::vector<char*> pointers_;
};

bool is_same_file(int fd, const std::string& path) {
    struct stat a {};
    struct stat b {};
    return fstat(fd, &a) == 0 && stat(path.c_str(), &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

// What relative names of the invocation are relative to. If it is gone, the trial has shown, or
// will show, whether that matters.
bool change_directory(const std::string& directory) {
    return chdir(directory.c_str()) == 0 || chdir("/") == 0;
}

void set_close_on_exec(int fd, bool on) {
    fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0);
}

} // namespace

Error become(const Invocation& invocation, const Handover& handover, int state, int previous,
             bool back) {
    const Arguments arguments(invocation,
                              fmt::format("--take-over={}:{}", state, back ? -1 : previous), false);
    std::vector<int> kept = descriptors_of(handover);
    kept.push_back(state);
    if (!back) kept.push_back(previous);
    for (const int fd : kept)
        set_close_on_exec(fd, false);
    change_directory(invocation.directory);
    // By its name, if that leads there, or ps(1) would show the number of the descriptor as the
    // name. The descriptor itself is named by nobody after this.
    if (back) set_close_on_exec(previous, true);
    if (back && !is_same_file(previous, invocation.program)) {
        fexecve(previous, arguments.data(), environ);
    } else {
        execve(invocation.program.c_str(), arguments.data(), environ);
    }
    Error error = errno_error("exec " + invocation.program);
    change_directory("/");
    for (const int fd : kept)
        set_close_on_exec(fd, true);
    return error;
}

void Upgrade::renew() {
    renewal_ = trial_ != 0;
    if (trial_ == 0 && !late_) soon(true);
}

void Upgrade::soon(bool same) {
    same_ = same;
    late_ = true;
    latest_ = Clock::now() + kPatience;
    timer_ = loop_.after(Duration::zero(), [this] { replace(); });
}

void Upgrade::begin() {
    if (ended_) return;
    if (trial_ != 0 || late_) return log::notice("upgrade: one is under way already");
    same_ = false;
    log::notice("upgrade: trying {}", invocation_.program);
    const auto state = handover_file(hooks_.state());
    if (!state) return refuse(state.error().text());
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) return refuse(errno_error("pipe").text());
    output_.reset(ends[0]);
    const Fd writer(ends[1]);
    const auto pid = start_trial(state->get(), writer.get());
    if (!pid) {
        output_.reset();
        return refuse(pid.error().text());
    }
    trial_ = *pid;
    auto name = std::make_shared<ServiceConfig>();
    name->name = "upgrade";
    launcher_.adopt(trial_, {.config = std::move(name),
                             .peer = {},
                             .local = {},
                             .lease = {},
                             .at_end = [this](const ChildEnd& end, Duration) { trial_ended(end); },
                             .endpoint = {},
                             .own_socket = -1,
                             .started = Clock::now(),
                             .lines = {}});
    timer_ = loop_.after(kTrialTimeout, [this] { kill(trial_, SIGKILL); });
}

// By fork, because the descriptors are not those of a service, and a vfork would hold up the loop
// until the new program has been read from disk.
Result<pid_t> Upgrade::start_trial(int state, int output) {
    const Arguments arguments(invocation_, fmt::format("--take-over={}:-1", state), true);
    const pid_t pid = fork();
    if (pid < 0) return errno_error("fork");
    if (pid > 0) return pid;
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    fcntl(output, F_SETFL, 0);
    setsid();
    const bool ready = dup2(output, STDOUT_FILENO) >= 0 && dup2(output, STDERR_FILENO) >= 0 &&
                       fcntl(state, F_SETFD, 0) == 0;
    change_directory(invocation_.directory);
    if (ready) execve(invocation_.program.c_str(), arguments.data(), environ);
    dprintf(STDERR_FILENO, "%s\n", strerrordesc_np(errno));
    _exit(127);
}

static std::string last_line(int fd) {
    std::string text;
    std::array<char, 4096> buffer{};
    for (ssize_t got = 0; (got = read(fd, buffer.data(), buffer.size())) > 0;)
        text.append(buffer.data(), static_cast<std::size_t>(got));
    while (!text.empty() && text.back() == '\n')
        text.pop_back();
    return text.substr(text.find_last_of('\n') + 1);
}

void Upgrade::trial_ended(const ChildEnd& end) {
    trial_ = 0;
    const bool in_time = static_cast<bool>(timer_);
    timer_.reset();
    const std::string said = last_line(output_.get());
    output_.reset();
    judge(end, said, in_time);
    // It may have been asked for at any time of the trial. Where that has gone well, renewal comes
    // with it.
    if (std::exchange(renewal_, false) && !late_ && !ended_) soon(true);
}

void Upgrade::judge(const ChildEnd& end, const std::string& said, bool in_time) {
    // A signal to stop is read before the SIGCHLD of the same moment, so the trial may have ended
    // well and its end be seen only now.
    if (ended_) return refuse("the daemon is stopping");
    if (!in_time) return refuse(invocation_.program + " did not answer in time");
    if (!end.succeeded() || !said.starts_with(kWouldTakeOver))
        return refuse(fmt::format("{}: {}{}{}", invocation_.program, end.text(),
                                  said.empty() ? "" : ": ", escaped(said)));
    if (hooks_.unsettled()) log::notice("upgrade: waiting for clients that are not known yet");
    // Not from here: of the batch of children that we are in, some may not have been seen to.
    soon(false);
}

void Upgrade::replace() {
    if (hooks_.unsettled() && Clock::now() < latest_) {
        timer_ = loop_.after(kLook, [this] { replace(); });
        return;
    }
    launcher_.spawner().settle();
    launcher_.reap();
    launcher_.put_reports_back();
    const Handover handover = hooks_.state();
    const auto state = handover_file(handover);
    const Fd previous(open("/proc/self/exe", O_PATH | O_CLOEXEC));
    if (!state || !previous)
        return stay(state ? errno_error("/proc/self/exe").text() : state.error().text());
    hooks_.leaving();
    log::drain();
    const Error error = become(invocation_, handover, state->get(), previous.get(), same_);
    stay(error.text());
}

void Upgrade::stay(const std::string& why) {
    late_ = false;
    hooks_.staying();
    refuse(why);
}

void Upgrade::end() {
    ended_ = true;
    if (trial_ != 0) kill(trial_, SIGKILL);
    if (!std::exchange(late_, false)) return;
    timer_.reset();
    refuse("the daemon is stopping");
}

void Upgrade::refuse(const std::string& why) const {
    log::error("{} refused: {}; the running daemon goes on", same_ ? "reload" : "upgrade", why);
    hooks_.refused(why);
}

} // namespace inetd
